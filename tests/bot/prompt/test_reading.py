"""What a user typed, with their own parameters, braces and --repeat, to a prompt for each job."""

from __future__ import annotations

import pytest

from bot.prompt import MAX_JOBS, PromptError, Vocabulary, expand, parse, parse_all

HERE = Vocabulary(models=("pocket", "sdxl"), loras=("pixels", "pin"))
MINE = {
    "mine": "--ar 3:2 --s 50",
    "oil": "an oil painting, thick paint",
    "sizes": "--ar {3:2, 2:3}",
    "seed": "--chaos 100",
    "again": "--again",
    "raw2": "--raw",
}

# (what it shows, what is typed, the suffix, what it becomes)
EXPANSIONS = [
    ("nothing of one's own", "a cat --raw", "", "a cat --raw"),
    ("parameters", "a cat --mine", "", "a cat --ar 3:2 --s 50"),
    ("text", "--oil of a cat", "", "an oil painting, thick paint of a cat"),
    (
        "text and parameters",
        "--oil, a cat --mine",
        "",
        "an oil painting, thick paint, a cat --ar 3:2 --s 50",
    ),
    ("an em-dash", "a —mine", "", "a --ar 3:2 --s 50"),
    ("quoted", '"--mine" a', "", '"--mine" a'),
    ("what is in the table stays", "a --seed 5", "", "a --seed 5"),
    ("in braces", "a {--mine,b}", "", "a {--ar 3:2 --s 50,b}"),
    ("behind an escaped brace it is text", r"a \{--mine", "", r"a \{--mine"),
    ("not expanded again", "a --again", "", "a --again"),
    ("an unknown name stays", "a --yours", "", "a --yours"),
    ("a suffix", "a cat", "--ar 3:2 --no text", "a cat --ar 3:2 --no text"),
    ("a suffix of blanks", "a cat", "  ", "a cat"),
    (
        "the text goes before",
        "a --aspect 1:2",
        "--ar 3:2 --no text, people",
        "a --aspect 1:2 --no text, people",
    ),
    ("what the text rules out", "a --q 2", "--steps 9 --raw", "a --q 2 --raw"),
    ("an unknown name in the suffix", "a", "--zzz 5", "a --zzz 5"),
    ("an own parameter beats the suffix", "a --mine", "--s 9 --c 5", "a --ar 3:2 --s 50 --c 5"),
]


@pytest.mark.parametrize(
    ("typed", "suffix", "expanded"),
    [pytest.param(*example[1:], id=example[0]) for example in EXPANSIONS],
)
def test_own_parameters_and_suffix_become_text(typed: str, suffix: str, expanded: str) -> None:
    assert expand(typed, MINE, suffix) == expanded


def test_a_suffix_that_begins_with_words_is_refused_where_it_does() -> None:
    with pytest.raises(PromptError) as caught:
        expand("a cat", {}, "in oil --raw")
    assert caught.value.source[: caught.value.end] == "in oil"
    assert "Begin it with --" in str(caught.value)


def test_own_parameters_cannot_make_a_prompt_endless() -> None:
    with pytest.raises(PromptError) as caught:
        expand("--big " * 900, {"big": "b" * 6000}, "")
    assert caught.value.source[caught.value.start : caught.value.end] == "--big"


# (what it shows, what is typed, the prompts that are drawn)
EXAMPLES = [
    ("one prompt", "a cat", ["a cat"]),
    ("two prompts", "a {red, green} bird", ["a red bird", "a green bird"]),
    ("repeated", "a cat --r 3", ["a cat", "a cat", "a cat"]),
    ("repeated as often as braces say", "a --repeat {2, 3}", ["a"] * 5),
    ("an own parameter with braces", "a --sizes", ["a --ar 3:2", "a --ar 2:3"]),
    ("own parameters in braces", "a {--mine, --raw2}", ["a --ar 3:2 --stylize 50", "a --raw"]),
    (
        "braces of an own parameter in braces",
        "a {--sizes,--raw2}",
        ["a --ar 3:2", "a --ar 2:3", "a --raw"],
    ),
    ("models", "a --model {pocket, sdxl}", ["a --model pocket", "a --model sdxl"]),
    ("seeds", "a --seed {1, 2}", ["a --seed 1", "a --seed 2"]),
    ("links", "{http://a/b, http://c/d} e", ["http://a/b e", "http://c/d e"]),
    ("weights", "a::{2, 3} b", ["a::2 b", "a::3 b"]),
    ("things that shall not be", "a --no {b, c}", ["a --no b", "a --no c"]),
    ("escaped braces", r"a \{b\}", [r"a \{b\}"]),
]


@pytest.mark.parametrize(
    ("typed", "drawn"), [pytest.param(*example[1:], id=example[0]) for example in EXAMPLES]
)
def test_a_text_asks_for(typed: str, drawn: list[str]) -> None:
    prompts = parse_all(typed, HERE, options=MINE)
    assert [prompt.canonical() for prompt in prompts] == drawn


def test_the_suffix_goes_behind_every_permutation_that_leaves_room_for_it() -> None:
    prompts = parse_all("a {--ar 1:2, b}", suffix="--ar 3:2 --no c")
    assert [prompt.canonical() for prompt in prompts] == [
        "a --ar 1:2 --no c",
        "a b --ar 3:2 --no c",
    ]


def test_as_many_jobs_as_allowed_and_not_one_more() -> None:
    options = ", ".join(f"o{number}" for number in range(MAX_JOBS))
    assert len(parse_all(f"{{{options}}}")) == MAX_JOBS
    with pytest.raises(PromptError, match="41 prompts of this one, the limit is 40"):
        parse_all(f"{{{options}, x}}")


@pytest.mark.parametrize("typed", ["{a, b} --repeat 6", "{a, b} --r 40", "a {--r 6, --r 5}"])
def test_repeats_count_too_and_are_pointed_at(typed: str) -> None:
    with pytest.raises(PromptError) as caught:
        parse_all(typed, limit=10)
    error = caught.value
    assert error.source[error.start : error.end] in {"--repeat", "--r"}
    assert "more than 10 prompts" in str(error)


@pytest.mark.parametrize(
    ("typed", "marked"),
    [
        pytest.param("a {cat --ar 3:2, dog --ar 3}", "3", id="a value"),
        pytest.param("a {cat, dog} --ar {3:2, 3x2}", "3x2", id="a value in braces"),
        pytest.param("a {cat, {dog, cow}} --zzz", "--zzz", id="behind the braces"),
        pytest.param("a --{raw, zzz} ", "--{raw, zzz", id="half of a name"),
        pytest.param("{a, b c}::2 d::-{1, 5}", "a, b c}::2 d::-{1, 5", id="over all braces"),
        pytest.param(r"a {b\, c, d} --q 7", "7", id="behind an escape"),
        pytest.param("  {  a  ,  b --s x }", "x", id="among blanks"),
        pytest.param("a -{-, raw}", "-{-, raw", id="a name of two pieces"),
    ],
)
def test_a_mistake_in_one_permutation_is_shown_in_what_was_typed(typed: str, marked: str) -> None:
    with pytest.raises(PromptError) as caught:
        parse_all(typed)
    error = caught.value
    assert error.source == typed
    assert error.source[error.start : error.end] == marked


def test_a_mistake_in_an_own_parameter_is_shown_in_what_it_stands_for() -> None:
    with pytest.raises(PromptError) as caught:
        parse_all("a {b, c} --mine", options={"mine": "--ar 9"})
    error = caught.value
    assert (error.source, error.source[error.start : error.end]) == ("a {b, c} --ar 9", "9")


def test_a_mistake_in_the_suffix_is_shown_in_the_suffix() -> None:
    with pytest.raises(PromptError) as caught:
        parse_all("a {b, c}", suffix="--s 9999")
    error = caught.value
    assert (error.source, error.source[error.start : error.end]) == ("a b --s 9999", "9999")


def test_a_text_is_too_long_before_anything_is_done_with_it() -> None:
    with pytest.raises(PromptError, match="6001 characters"):
        parse_all("{" * 6001)


def test_stored_text_is_read_without_looking_at_braces() -> None:
    assert parse("a {b, c} d").canonical() == "a {b, c} d"
