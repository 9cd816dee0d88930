"""README says what is so: its tables are held against the code."""

import re
from pathlib import Path

from bot.prompt.document import documented
from bot.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_in_the_table_and_no_other() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", README, flags=re.MULTILINE))
    known = {
        "DISCORD_TOKEN" if name == "discord_token" else f"EASEL_{name.upper()}"
        for name in Settings.model_fields
    }
    assert documented == known


def test_the_table_of_parameters_is_the_one_that_would_be_written_now() -> None:
    assert documented(README) == README, "run: python -m bot.prompt.document"


def test_every_path_of_the_file_map_exists() -> None:
    block = README.split("## Where things are")[1].split("```")[1]
    package = ""
    for line in block.strip().splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            package = name
            assert (ROOT / name).exists(), name
        else:
            assert (ROOT / package / name).exists(), f"{package}{name}"
