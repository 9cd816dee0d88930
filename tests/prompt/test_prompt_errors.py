"""What a refused prompt is told: which words are marked, and what to type instead."""

from __future__ import annotations

import pytest

from bot.prompt import PromptError, parse
from bot.prompt.errors import columns, point_at

MODELS = ("pocket", "sdxl")

# (what it shows, what is typed, the characters that are marked, a part of what is said)
REFUSALS = [
    # Text
    ("nothing at all", "", "", "nothing to draw"),
    ("blanks only", " \u200b\u3000", "", "nothing to draw"),
    ("parameters only", "--ar 16:9", "", "nothing to draw"),
    ("a picture by link", "https://a.b/c.png cat", "https://a.b/c.png", "by link"),
    ("a link with a comma", "a http://b/w_1,h_2.png, c", "http://b/w_1,h_2.png", "by link"),
    ("a single hyphen", "a -ar 16:9", "-ar", "Did you mean --ar?"),
    ("a space behind the hyphens", "a -- ar 16:9", "-- ar", "Did you mean --ar?"),
    # Parts
    ("a weight of nothing", "::2 cat", "::2", "no text before"),
    ("two separators", "a:: ::2 b", "::2", "no text before"),
    ("three colons", "a:::b", ":::", "two colons"),
    ("a weight that is text", "food::3d printed", "::3d", "not a number"),
    ("a weight of other digits", "food::٣ b", "::٣", "not a number"),
    ("a weight too great", "a::5000 b", "::5000", "outside -1000 to 1000"),
    (
        "an endless weight",
        "a::" + "9" * 99 + " b",
        "::" + "9" * 99,
        "a number, in at most 15 characters",
    ),
    ("a weight that runs on", "a::2::3", "::2", "ends with a space"),
    ("a weight glued to a flag", "a:: b::2--raw", "::2--raw", "not a number"),
    ("weights of nothing in sum", "a:: b::-1", "a:: b::-1", "sum up to 0"),
    ("a negative part alone", "a::-1", "a::-1", "sum up to -1"),
    ("too many parts", "a::" * 21, "a::" * 21, "21 parts, the limit is 20"),
    # Names
    ("a slip", "a --stilize 50", "--stilize", "Did you mean --stylize?"),
    ("capitals", "a --AR 16:9", "--AR", "Did you mean --ar?"),
    ("no space", "a --ar16:9", "--ar16:9", "--ar 16:9"),
    ("an equals sign", "a --seed=5", "--seed=5", "--seed 5"),
    ("Midjourney's models", "a --v 6", "--v", "Did you mean --model?"),
    ("another bot's name", "a --negative red", "--negative", "Did you mean --no?"),
    ("a dash in prose", "a man —tall", "—tall", "put a space behind the dash"),
    ("nothing like it", "a --xyzzy", "--xyzzy", "There are --ar, --no"),
    ("given twice", "a --seed 1 --seed 2", "--seed", "--seed is given twice"),
    ("given by two names", "a --q 1 --quality 2", "--quality", "--q and --quality are the same"),
    ("two that exclude each other", "a --q 2 --steps 9", "--steps", "--q and --steps say the same"),
    # Values
    ("no value", "a --ar --raw", "--ar", "--ar needs a value"),
    ("nothing in a list", "a --no , ,", ", ,", "is not words"),
    ("text behind a value", "a --seed 5 big dog --raw", "big dog", "Parameters go last"),
    ("text behind a switch", "a --raw dog", "dog", "Move it before --raw"),
    ("a comma behind a switch", "a --raw, --seed 5", ",", "Leave the comma out"),
    ("a comma behind a value", "a --seed 5, --raw", "5,", "Try --seed 5."),
    ("out of range", "a --s 5000", "5000", "from 0 to 1000. Try --s 1000."),
    ("below the range", "a --chaos -1", "-1", "Try --chaos 0."),
    ("no whole number", "a --seed 1.5", "1.5", "Try --seed 2."),
    ("not a number", "a --seed nan", "nan", "For example: --seed 42."),
    ("endless", "a --cfg inf", "inf", "from 1 to 20. For example: --cfg 7."),
    ("a power of ten", "a --steps 1e1", "1e1", "from 1 to 150"),
    ("an underscore", "a --seed 1_0", "1_0", "from 0 to 4294967295"),
    ("Arabic digits", "a --seed ٣٤", "٣٤", "Try --seed 34."),
    ("wide digits", "a --c \uff13\uff10", "\uff13\uff10", "Try --c 30."),
    ("a comma for a point", "a --cfg 5,5", "5,5", "Try --cfg 5.5."),
    ("digits out of range", "a --c ٣٣٣", "٣٣٣", "For example: --chaos 30."),
    ("a fraction in other digits", "a --q .\u0665", ".\u0665", "Try --q .5."),
    ("too many digits", "a --seed " + "9" * 5000, "9" * 5000, "from 0 to 4294967295"),
    ("no option", "a --q 3", "3", "one of 0.25, 0.5, 1, 2. Try --q 2."),
    ("no such model", "a --model sdlx", "sdlx", "one of pocket, sdxl. Try --model sdxl."),
    ("a broken ratio", "a --ar 1.39:1", "1.39:1", "Try --ar 139:100."),
    ("a ratio with a cross", "a --ar 1920x1080", "1920x1080", "Try --ar 16:9."),
    ("a ratio as a number", "a --ar 1.5", "1.5", "Try --ar 3:2."),
    ("a ratio of two separators", "a --ar 16::9", "16::9", "Try --ar 16:9."),
    ("a ratio of nothing", "a --ar 0:1", "0:1", "from 1 to 10000. For example: --ar 16:9."),
    ("a ratio too great", "a --ar 10001:1", "10001:1", "from 1 to 10000"),
    ("too many things", "a --no " + "b," * 51, "b," * 51, "at most 50 things, there are 51"),
]


@pytest.mark.parametrize(
    ("typed", "marked", "said"), [pytest.param(*case[1:], id=case[0]) for case in REFUSALS]
)
def test_a_refusal_points_and_says(typed: str, marked: str, said: str) -> None:
    with pytest.raises(PromptError) as caught:
        parse(typed, models=MODELS)
    error = caught.value
    assert typed[error.start : error.end] == marked
    assert said in str(error)
    assert error.hint


def test_a_prompt_of_6000_characters_is_read_and_one_more_is_not() -> None:
    assert parse("a" * 6000)
    with pytest.raises(PromptError, match="6001 characters, the limit is 6000"):
        parse("a" * 6001)


def test_the_rendering_is_a_code_block_of_two_lines_and_the_sentences() -> None:
    with pytest.raises(PromptError) as caught:
        parse("a red fox --stilize 50")
    assert caught.value.render() == (
        "```\n"
        "a red fox --stilize 50\n"
        "          ^^^^^^^^^\n"
        "```\n"
        "There is no parameter --stilize. Did you mean --stylize?"
    )


@pytest.mark.parametrize(
    ("text", "width"),
    [
        pytest.param("cat", 3, id="narrow"),
        pytest.param("猫", 2, id="wide"),
        pytest.param("e\u0301", 1, id="a mark on a letter"),
        pytest.param("👩\u200d🚀", 4, id="joined"),
    ],
)
def test_columns_are_counted_as_a_terminal_does(text: str, width: int) -> None:
    assert columns(text) == width


def test_carets_stand_below_wide_characters() -> None:
    _, line, carets, _ = point_at("猫とカメラ 大きい --x", 6, 9).splitlines()
    assert columns(line[: line.index("大")]) == carets.index("^")
    assert carets.count("^") == columns("大きい")


def test_a_long_prompt_is_cut_around_the_place() -> None:
    _, line, carets, _ = point_at("a" * 500 + "BAD" + "b" * 500, 500, 503).splitlines()
    assert line.startswith("…a")
    assert line.endswith("b…")
    assert line[carets.index("^") : carets.rindex("^") + 1] == "BAD"
    assert len(line) <= 60


def test_a_backtick_cannot_close_the_code_block() -> None:
    assert point_at("``` @everyone", 0, 3).count("```") == 2
