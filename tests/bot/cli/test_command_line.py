"""`easel` as someone types it: real processes, their output and their exit codes."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from storage import Database, Jobs, NewJob


class Shell:
    """Runs `easel` in an empty folder, with a data folder of its own and no token."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("EASEL_", "DISCORD_"))
        } | {"EASEL_DATA_DIR": str(folder / "data"), "EASEL_THREADS": "1", "COLUMNS": "120"}

    def easel(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bot", *arguments],
            cwd=self._folder,
            env=self._environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_imagine_writes_a_grid_and_its_pictures(shell: Shell, tmp_path: Path) -> None:
    run = shell.easel("imagine", "a red apple --seed 5 --steps 3", "--out", "out", "--json")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert set(result) >= {"seed", "model", "images", "timings"}
    assert (result["seed"], result["model"]) == (5, "pocket")
    assert result["images"] == [str(Path("out") / f"{label}.png") for label in range(1, 5)]
    assert result["timings"]["total"] > 0
    grid = Image.open(tmp_path / "out" / "grid.png")
    second = Image.open(tmp_path / result["images"][1])
    assert grid.size == (2 * second.width, 2 * second.height)
    top_right = grid.crop((second.width, 0, grid.width, second.height))
    assert top_right.convert("RGB").tobytes() == second.convert("RGB").tobytes()
    assert not (tmp_path / "data").exists(), "no database and no data folder"


@pytest.mark.parametrize(
    ("prompt", "said"),
    [("a {cat, dog}", "the limit is 1"), ("http://127.0.0.1/c.png a", "public https link")],
)
def test_what_is_not_drawn_here_says_so(shell: Shell, prompt: str, said: str) -> None:
    run = shell.easel("imagine", prompt, "--out", "out")
    assert (run.returncode, said in run.stderr) == (2, True), run.stderr


def test_a_bad_prompt_exits_with_2_and_points(shell: Shell) -> None:
    run = shell.easel("imagine", "a cat --chaso 20", "--out", "out")
    assert run.returncode == 2
    assert run.stdout == ""
    lines = run.stderr.splitlines()
    assert lines[0] == "a cat --chaso 20"
    assert lines[1].strip() == "^" * len("--chaso")
    assert "--chaos" in run.stderr


def test_db_upgrade_creates_the_database(shell: Shell, tmp_path: Path) -> None:
    run = shell.easel("db", "upgrade")
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "data" / "easel.db").exists()
    assert "revision" in run.stdout


def test_models_lists_the_catalog(shell: Shell) -> None:
    run = shell.easel("models")
    assert run.returncode == 0, run.stderr
    pocket, sdxl = (
        next(line for line in run.stdout.splitlines() if line.startswith(name))
        for name in ("pocket", "sdxl")
    )
    assert "built in" in pocket
    assert "easel models pull sdxl" in sdxl


def test_an_unknown_model_is_refused_with_a_suggestion(shell: Shell) -> None:
    run = shell.easel("models", "pull", "sdxxl")
    assert run.returncode == 2
    assert "'sdxl'" in run.stderr


def test_doctor_finds_everything_well_without_a_token(shell: Shell) -> None:
    run = shell.easel("doctor")
    assert run.returncode == 0, run.stdout + run.stderr
    subjects = {line[6:].split()[0] for line in run.stdout.splitlines() if line[:4].strip()}
    assert subjects == {"python", "token", "folder", "disk", "database", "models", "device"}
    assert "draws with pocket" in run.stdout


def test_doctor_names_what_is_broken_and_what_to_do(shell: Shell) -> None:
    run = shell.easel(
        "doctor", DISCORD_TOKEN="not-a-token", EASEL_DATABASE_URL="mysql://nowhere/easel"
    )
    assert run.returncode == 1
    failures = [line for line in run.stdout.splitlines() if line.startswith("FAIL")]
    assert ["token" in failures[0], "database" in failures[1]] == [True, True]
    assert "EASEL_DATABASE_URL" in run.stdout
    assert "not-a-token" not in run.stdout + run.stderr


def test_a_bad_setting_is_refused_in_one_line(shell: Shell) -> None:
    run = shell.easel("doctor", EASEL_DEVICE="quantum")
    assert run.returncode == 2
    assert run.stderr.startswith("easel: EASEL_DEVICE")
    assert len(run.stderr.splitlines()) == 1


def test_the_pictures_carry_their_prompt(shell: Shell, tmp_path: Path) -> None:
    run = shell.easel("imagine", "a red apple --seed 5 --steps 3", "--out", "out")
    assert run.returncode == 0, run.stderr
    picture = Image.open(io.BytesIO((tmp_path / "out" / "1.png").read_bytes()))
    assert "a red apple" in json.dumps(picture.info)


def test_a_broken_catalog_is_refused_in_one_line(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[mine]\ntitle = "Mine"\n')
    run = shell.easel("imagine", "a cat", "--out", "out", EASEL_CATALOG="mine.toml")
    assert run.returncode == 2
    assert run.stderr.startswith("easel: mine.toml: [mine]")
    assert len(run.stderr.splitlines()) == 1


def test_queue_shows_the_order_of_service(shell: Shell, tmp_path: Path) -> None:
    assert "nothing waits" in shell.easel("queue").stdout

    async def fill() -> None:
        async with Database.open(f"sqlite:///{tmp_path / 'data' / 'easel.db'}") as database:
            jobs = Jobs(database)
            for number, user_id in enumerate((1, 1, 2)):
                await jobs.submit(
                    NewJob(
                        idempotency_key=str(number),
                        user_id=user_id,
                        user_name="Ann",
                        channel_id=1,
                        action="imagine",
                        lane="fast",
                        compat_key="pocket:512x512",
                        prompt=f"cat {number}",
                        request={"model": "pocket"},
                        request_version=1,
                    )
                )
            await jobs.claim(1, "gpu", 60, charge=1.0)

    asyncio.run(fill())
    shown = shell.easel("queue").stdout
    lines = [line.split() for line in shown.splitlines() if "cat" in line]
    assert [line[0] for line in lines] == ["drawing", "1", "2"]
    assert [line[-1] for line in lines] == ["0", "2", "1"]
