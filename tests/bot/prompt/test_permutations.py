"""Braces: what they stand for, and what is said when they stand for nothing or too much."""

from __future__ import annotations

import pytest

from bot.prompt import PromptError, count_permutations, parse_all, permutations

# (what it shows, what is typed, what it stands for)
EXAMPLES = [
    ("no braces", "a red, big bird", ["a red, big bird"]),
    ("one group", "a {red, green} bird", ["a red bird", "a green bird"]),
    ("no blanks", "{a,b}", ["a", "b"]),
    ("two groups", "{a, b} {1, 2}", ["a 1", "a 2", "b 1", "b 2"]),
    (
        "groups in groups",
        "a {seagull {on a pier, on a beach}, poodle {on a sofa, in a truck}}",
        [
            "a seagull on a pier",
            "a seagull on a beach",
            "a poodle on a sofa",
            "a poodle in a truck",
        ],
    ),
    ("a group of groups", "{{a, b}, {c, d}}", ["a", "b", "c", "d"]),
    ("one option", "a {red} bird", ["a red bird"]),
    ("an empty option", "a{, red} bird", ["a bird", "ared bird"]),
    ("a comma in a group", r"{red\, soft, green} hat", ["red, soft hat", "green hat"]),
    ("a comma outside", "{a, b}, c", ["a, c", "b, c"]),
    ("an escape outside stays", r"a\, {b, c}", [r"a\, b", r"a\, c"]),
    ("escaped braces stay", r"\{a, b\}", [r"\{a, b\}"]),
    ("escaped braces in a group", r"{\{a\}, b}", [r"\{a\}", "b"]),
    ("a lone backslash", r"{a\b, c}", [r"a\b", "c"]),
    ("Chinese commas", "{猫\uff0c犬}と{赤、青}", ["猫と赤", "猫と青", "犬と赤", "犬と青"]),
    ("quotation marks protect nothing", '"{a, b}"', ['"a"', '"b"']),
    ("in a value", "a --ar {3:2, 1:1}", ["a --ar 3:2", "a --ar 1:1"]),
    ("in a name", "a --{chaos 5, raw}", ["a --chaos 5", "a --raw"]),
    ("in a weight", "a::{1, 2} b", ["a::1 b", "a::2 b"]),
    ("in a link", "http://a/{1,2}.png b", ["http://a/1.png b", "http://a/2.png b"]),
    ("whole parameters", "a {--raw, --q 2, }", ["a --raw", "a --q 2", "a"]),
    ("ten deep", "{" * 10 + "a" + "}" * 10, ["a"]),
]


@pytest.mark.parametrize(
    ("typed", "texts"), [pytest.param(*example[1:], id=example[0]) for example in EXAMPLES]
)
def test_braces_stand_for(typed: str, texts: list[str]) -> None:
    assert permutations(typed, limit=40) == texts
    assert count_permutations(typed) == len(texts)


# (what it shows, what is typed, the characters that are marked, a part of what is said)
REFUSALS = [
    ("not closed", "a {b, c", "{", "This brace is not closed. Write }"),
    ("the inner one not closed", "{a, {b}", "{", "not closed"),
    ("not opened", "a b} c", "}", "This brace closes nothing."),
    ("nothing in it", "a { } b", "{ }", "nothing between these braces"),
    ("a thousand not closed", "{" * 9 + "a", "{", "not closed"),
    ("eleven deep", "{" * 11 + "a" + "}" * 11, "{", "more than 10 deep"),
    ("six thousand deep", "{" * 6000, "{", "more than 10 deep"),
    ("one too many", "x {a,b} {1,2,3} y", "{a,b} {1,2,3}", "make 6 prompts of this one, the limit"),
    ("a million", "{a,b}" * 20, "{a,b}" * 20, "1,048,576 prompts"),
    ("beyond counting", "{a,b}" * 1200, "{a,b}" * 1200, "more than 999,999,999 prompts"),
]


@pytest.mark.parametrize(
    ("typed", "marked", "said"), [pytest.param(*case[1:], id=case[0]) for case in REFUSALS]
)
def test_a_refusal_points_and_says(typed: str, marked: str, said: str) -> None:
    with pytest.raises(PromptError) as caught:
        permutations(typed, limit=5)
    error = caught.value
    assert typed[error.start : error.end] == marked
    assert said in str(error)
    assert error.hint
    with pytest.raises(PromptError):
        parse_all(typed, limit=5)


def test_no_braces_cost_nothing_at_the_smallest_limit() -> None:
    assert permutations("a, b", limit=1) == ["a, b"]
