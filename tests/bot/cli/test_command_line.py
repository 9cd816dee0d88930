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
from tests.bot.pictures.files import SECRET, with_location


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


@pytest.fixture(scope="module")
def sketch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo on disk, with a name that needs quoting and a place in its metadata."""
    path = tmp_path_factory.mktemp("photos") / "a red ü, 100%.jpg"
    path.write_bytes(with_location("JPEG"))
    return path


def test_variations_of_a_file_are_drawn_without_a_word(
    shell: Shell, sketch: Path, tmp_path: Path
) -> None:
    run = shell.easel("variations", str(sketch), "--out", "out", "--json", "--prompt=--steps 2")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["prompt"].startswith("file:///")
    assert len(result["images"]) == 4
    drawn = [(tmp_path / one).read_bytes() for one in result["images"]]
    assert len(set(drawn)) == 4
    assert not any(SECRET.encode() in one for one in drawn)


def test_a_blend_and_an_image_prompt_are_drawn(shell: Shell, sketch: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    Image.new("RGB", (64, 64), "red").save(other)
    blend = ["blend", str(sketch), str(other), "--weights", "2 1", "--dimensions", "landscape"]
    run = shell.easel(*blend, "--out", "blended", "--json")
    assert run.returncode == 0, run.stderr
    assert "::2 " in json.loads(run.stdout)["prompt"]
    with Image.open(tmp_path / "blended" / "grid.png") as grid:
        assert grid.width > grid.height
    weighed = ["imagine", str(other), "a cat --steps 2 --seed 4", "--iw", "2"]
    run = shell.easel(*weighed, "--out", "weighed", "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["prompt"].endswith("/other.png a cat --iw 2 --steps 2 --seed 4")


def test_a_picture_is_described_and_a_prompt_shortened(shell: Shell, tmp_path: Path) -> None:
    picture = tmp_path / "red.png"
    Image.new("RGB", (64, 32), "red").save(picture)
    run = shell.easel("describe", str(picture), "--out", "out", "--json")
    assert run.returncode == 0, run.stderr
    described = json.loads(run.stdout)
    assert len(described["prompts"]) == 4
    assert all(prompt.endswith(" --ar 2:1") for prompt in described["prompts"])
    assert json.loads((tmp_path / "out" / "answer.json").read_text("utf-8")) == described
    run = shell.easel("shorten", "a very red apple on a table --ar 3:2")
    assert run.returncode == 0, run.stderr
    assert "apple" in run.stdout
    assert "1. " in run.stdout
    assert run.stdout.strip().endswith("--ar 3:2")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("variations", "no.png", "--out", "out"), "no file no.png"),
        (("blend", "a.png", "--out", "out"), "no file a.png"),
        (("shorten", "a::2 b"), "words alone"),
        (("describe", "http://127.0.0.1/x.png"), "public https link"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_what_is_no_picture_is_refused(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    run = shell.easel(*arguments)
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
