from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.prompt_weights import Fragment, parse_weights

EXAMPLES = [
    ("", [[]]),
    ("a cat", [[("a cat", 1.0)]]),
    ("a (cat:1.2)", [[("a ", 1.0), ("cat", 1.2)]]),
    ("a (cat : 1.2 )", [[("a ", 1.0), ("cat ", 1.2)]]),
    ("a (cat)", [[("a ", 1.0), ("cat", 1.1)]]),
    ("a ((cat))", [[("a ", 1.0), ("cat", 1.21)]]),
    ("a [cat]", [[("a ", 1.0), ("cat", 1 / 1.1)]]),
    ("(a [cat] here:2)", [[("a ", 2.0), ("cat", 2 / 1.1), (" here", 2.0)]]),
    ("(cat:0)", [[("cat", 0.0)]]),
    ("(cat:-.5)", [[("cat", -0.5)]]),
    (r"a \(cat\)", [[("a (cat)", 1.0)]]),
    (r"a \[cat\] \\", [[("a [cat] \\", 1.0)]]),
    ("a BREAK b", [[("a ", 1.0)], [(" b", 1.0)]]),
    ("BREAKFAST", [[("BREAKFAST", 1.0)]]),
    ("(open", [[("(open", 1.0)]]),
    ("shut)", [[("shut)", 1.0)]]),
    ("a sad face :(", [[("a sad face :(", 1.0)]]),
    ("(a ] b)", [[("a ] b", 1.1)]]),
    ("[a:1.5)", [[("[a:1.5)", 1.0)]]),
    ("12:30", [[("12:30", 1.0)]]),
    ("()", [[]]),
]


@pytest.mark.parametrize(("prompt", "expected"), EXAMPLES, ids=[text for text, _ in EXAMPLES])
def test_notation(prompt: str, expected: list[list[tuple[str, float]]]) -> None:
    parsed = [
        [(fragment.text, round(fragment.weight, 9)) for fragment in segment]
        for segment in parse_weights(prompt)
    ]
    rounded = [[(text, round(weight, 9)) for text, weight in segment] for segment in expected]
    assert parsed == rounded


@given(st.text(alphabet="ab ()[]:\\1.BREAK", max_size=40))
def test_any_text_is_a_prompt(prompt: str) -> None:
    for segment in parse_weights(prompt):
        assert all(fragment.text for fragment in segment)


@given(st.text(alphabet="ab cBREK,.!", max_size=40).filter(lambda text: "BREAK" not in text))
def test_text_without_brackets_stays_in_one_piece(prompt: str) -> None:
    assert parse_weights(prompt) == [[Fragment(prompt)] if prompt else []]
