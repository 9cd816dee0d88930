"""The page of parameters is the one that would be written now."""

from __future__ import annotations

import re

from bot.prompt import FLAGS
from tests.benchmarks.parameter_page import FOLDER, PAGE, STRIPS, page

NOT_SHOWN = {"iw", "sref", "sw", "cref", "cw"} | {"model", "version", "niji", "style"}
"""They need pictures or models of one's own, or are the same as another."""
LANES = {"turbo", "fast", "relax", "repeat"}


def test_the_page_says_what_the_table_of_flags_says() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert text == page(), "run: python -m tests.benchmarks.parameter_page"


def test_every_parameter_that_changes_a_picture_is_shown() -> None:
    assert {strip.flag for strip in PAGE} == {flag.name for flag in FLAGS} - NOT_SHOWN - LANES


def test_every_strip_is_there_and_they_are_small() -> None:
    named = set(re.findall(r"\(strips/([\w-]+\.webp)\)", page()))
    files = {file.name: file.stat().st_size for file in STRIPS.iterdir()}
    assert set(files) == named
    assert sum(files.values()) < 1_500_000
