"""Shards that several processes make together."""

import subprocess
import sys
from pathlib import Path

from engine.pocket.dataset import claim

DIES = """
import os, sys
from pathlib import Path
from engine.pocket.dataset import claim
with claim(Path(sys.argv[1])) as is_ours:
    print(is_ours, flush=True)
    if sys.argv[2] == "die":
        os._exit(1)
"""


def claim_elsewhere(file: Path, *, ending: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", DIES, str(file), ending], capture_output=True, text=True, check=False
    )
    return run.stdout.strip()


def test_what_is_being_made_is_nobody_elses(tmp_path: Path) -> None:
    file = tmp_path / "0000.latents"
    with claim(file) as is_ours:
        assert is_ours
        assert claim_elsewhere(file, ending="live") == "False"
    assert claim_elsewhere(file, ending="live") == "True"


def test_what_a_process_left_unfinished_is_taken_on_again(tmp_path: Path) -> None:
    file = tmp_path / "0000.latents"
    assert claim_elsewhere(file, ending="die") == "True"
    with claim(file) as is_ours:
        assert is_ours


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    file = tmp_path / "0000.latents"
    file.touch()
    with claim(file) as is_ours:
        assert not is_ours
