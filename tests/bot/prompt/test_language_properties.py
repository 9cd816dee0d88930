"""What holds for every text that can be typed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.prompt import (
    FLAGS,
    ImagePrompt,
    Lora,
    Parameters,
    Part,
    Prompt,
    PromptError,
    Ratio,
    Vocabulary,
    complete,
    count_permutations,
    parse,
    parse_all,
    permutations,
)
from bot.prompt.flags import SAMPLERS
from bot.prompt.tokenizer import tokenize, visible

MODELS = ("pocket", "sdxl")
LORAS = ("pixels", "ink-2")
HERE = Vocabulary(models=MODELS, versions=(0, 1), loras=LORAS)

# Pieces that mean something to the grammar, in any order, with and without blanks.
PIECES = [
    *(
        f"{dashes}{name}"
        for dashes in ("--", "—", "\u2013", "-")
        for name in ("ar", "no", "seed", "raw", "x")
    ),
    *(f"--{flag.usage().lstrip('-')}" for flag in FLAGS),
    *("16:9", "1.39:1", "5", "-.5", "nan", "٣", "1e9", "0.25", "sdxl", "https://a.b/c"),
    *("::", "::2", "::-.5", ":::", ":", "--", "—", "-", ",", "、", '"', "“", "”", "'", "`", "\\"),
    *(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "(cat:1.2)",
        "cat",
        "猫",
        "\u202e",
        "\x00",
        "\u200d",
        "\n",
        " ",
    ),
    *("\ud800", "e\u0301", '6"', "a,b", "<@1>"),
    *("https://a.b/c.png::2", "<http://a.b/c,d>", "http://[::1]/a", "::", "http://"),
    *("<lora:pixels:0.8>", "<lora:ink-2>", "<lora:", "<lora:x>", "<", ">"),
    *("{a, b}", "{", "}", "\\,", "\\{", "\\}", "{--raw, --q {1, 2}}", "--repeat 2"),
    *("--mine", "--{mine, raw}", "--sref http://a.b/c.png", "--sw 5", "--cref", "file:///a.png"),
]
spaced = st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join)
glued = st.lists(st.sampled_from([*PIECES, " ", " "]), max_size=24).map("".join)
typed_texts = st.one_of(
    st.text(max_size=80),
    spaced,
    glued,
    st.builds("a {} {}".format, glued, st.sampled_from(["--no x", "--raw", '--no "x', "--seed 1"])),
)


def read(text: str) -> Prompt | PromptError:
    try:
        return parse(text, HERE)
    except PromptError as error:
        return error


def read_all(text: str) -> tuple[Prompt, ...]:
    try:
        return parse_all(text, HERE, options={"mine": "in {oil, ink}"})
    except PromptError:
        return ()


@settings(max_examples=1500, deadline=None)
@given(typed_texts)
def test_a_text_is_read_or_refused_at_a_place(text: str) -> None:
    match read(text):
        case PromptError() as error:
            assert 0 <= error.start <= error.end <= len(text)
            assert error.message.endswith(".")
            _, line, carets, _ = error.excerpt().splitlines()
            assert "^" in carets
            assert error.render().encode().decode().count("```") == 2
            assert line.isprintable() or "\u200d" in line or "\u200c" in line
        case prompt:
            assert prompt.parts or prompt.images
            assert not prompt.parts or sum(part.weight for part in prompt.parts) > 0


@settings(max_examples=1500, deadline=None)
@given(typed_texts)
def test_canonical_text_reads_back_to_the_same_prompt(text: str) -> None:
    prompt = read(text)
    if isinstance(prompt, Prompt):
        canonical = prompt.canonical()
        assert read(canonical) == prompt


@settings(max_examples=1500, deadline=None)
@given(typed_texts)
def test_each_of_many_prompts_stands_for_itself_alone(text: str) -> None:
    for prompt in read_all(text)[:3]:
        assert prompt.parameters.repeat == 1
        assert read_all(prompt.canonical()) == (prompt,)


@settings(max_examples=1500, deadline=None)
@given(
    st.lists(st.sampled_from([*"{},{}, ab \\", "{a, b}", "\\,", "\\{", "\uff0c"]), max_size=24).map(
        "".join
    )
)
def test_as_many_permutations_are_made_as_were_counted(text: str) -> None:
    try:
        count = count_permutations(text)
    except PromptError:
        return
    if count <= 5000:
        made = permutations(text, limit=count)
        assert len(made) == count
        assert all(permutations(one, limit=1) == [one] for one in made)
    with pytest.raises(PromptError, match="the limit is 0"):
        permutations("{a}", limit=0)


words = st.text(alphabet="abc é猫()[]{}.'!5", min_size=1, max_size=12).map(
    lambda text: "w" + " ".join(text.split())
)
images = st.lists(
    st.builds(
        ImagePrompt,
        st.sampled_from(["https://a.b/c.png?d=1", "http://e.f", "https://[::1]/g,h.jpg"]),
        st.integers(1, 9000).map(lambda weight: round(weight / 9, 9)),
    ),
    min_size=2,
    max_size=3,
).map(tuple)
prompts = st.builds(
    Prompt,
    images=st.just(()) | images,
    loras=st.lists(
        st.builds(Lora, st.sampled_from(LORAS), st.floats(-2, 2).map(lambda one: round(one, 9))),
        max_size=2,
        unique_by=lambda lora: lora.name,
    ).map(tuple),
    parts=st.one_of(
        st.builds(lambda text: (Part(text),), words),
        st.lists(
            st.builds(Part, words, st.floats(0.001, 999).map(lambda weight: round(weight, 9))),
            min_size=2,
            max_size=5,
        ).map(tuple),
    ),
    parameters=st.builds(
        Parameters,
        ar=st.builds(Ratio, st.integers(1, 10_000), st.integers(1, 10_000)),
        no=st.lists(words, max_size=4).map(tuple),
        chaos=st.integers(0, 100),
        quality=st.just(1.0),
        stylize=st.integers(0, 1000),
        raw=st.booleans(),
        model=st.sampled_from([None, *MODELS]),
        steps=st.none() | st.integers(1, 150),
        cfg=st.none() | st.floats(1, 20).map(lambda scale: round(scale, 9)),
        weird=st.integers(0, 3000),
        stop=st.integers(10, 100),
        tile=st.booleans(),
        clip_skip=st.integers(0, 2),
        sampler=st.sampled_from(SAMPLERS),
        seed=st.none() | st.integers(0, 2**32 - 1),
        negative=st.just("") | words,
        relax=st.booleans(),
        sref=st.just(()) | images,
        sw=st.integers(0, 1000),
        cref=images,
        cw=st.integers(0, 100),
    ),
)


@settings(max_examples=500, deadline=None)
@given(prompts)
def test_any_prompt_can_be_written_and_read(prompt: Prompt) -> None:
    assume(prompt.parameters.sref or prompt.parameters.sw == Parameters().sw)
    assert read(prompt.canonical()) == prompt


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(
        [
            "ar",
            "chaos",
            "q",
            "seed",
            "cfg",
            "steps",
            "model",
            "no",
            "v",
            "niji",
            "stop",
            "weird",
            "clip-skip",
        ]
    ),
    st.one_of(st.text("0123456789٣.:x,-+ep\uff15", min_size=1, max_size=12), st.text(min_size=1)),
)
def test_what_is_suggested_can_be_typed(name: str, value: str) -> None:
    error = read(f"a --{name} {value}")
    if isinstance(error, PromptError) and error.hint.startswith("Try "):
        assert parse("a " + error.hint.removeprefix("Try ").removesuffix("."), HERE)


@settings(max_examples=500, deadline=None)
@given(typed_texts)
def test_tokens_cover_all_but_blanks_in_order(text: str) -> None:
    shown = visible(text)
    assert len(shown) == len(text)
    position = 0
    for token in tokenize(shown):
        assert token.end > token.start
        assert not shown[position : token.start].strip()
        position = token.end
    assert not shown[position:].strip()


@settings(max_examples=500, deadline=None)
@given(typed_texts)
def test_completions_begin_like_the_text_that_they_complete(text: str) -> None:
    for completion in complete(text, HERE):
        assert completion.text.rstrip()
        assert completion.help


def lines_run(work: Callable[[], object]) -> int:
    """Count the lines of Python that are run: work, measured without a clock."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line" and "/bot/prompt/" in frame.f_code.co_filename
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "piece",
    [
        *("word ", "(", ")", '"', "“", "x::", "::", "--", "—", "-", "--ar ", "—a", ", ", "\u202e"),
        *("{", "}", "{{", "{}", "{a,", "{a,b}", "{a{b,c}}", "\\,", "{\\,", "{" * 9 + "a" + "}" * 9),
        *("--mine ", "{--mine,", "--repeat 40 "),
        *("<lora:", "<lora:a>", "<lora:pixels>", "http://a.b/c ", "http://a/::1"),
        *("--no a,", "-ar(", '"a" ', 'a"', "1:", "https://", "::1.", "猫", "--" + "-" * 30),
    ],
)
def test_the_work_grows_with_the_length_and_not_faster(piece: str) -> None:
    short, long = piece * (500 // len(piece)), piece * (5000 // len(piece))
    for work in (read, read_all):
        assert lines_run(partial(work, long)) <= 12 * lines_run(partial(work, short)) + 400
