"""What a prompt means on one machine, and what is said when it means what is not there."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from bot.errors import UserError
from bot.prompt import Parameters, Part, Prompt, Vocabulary, parse
from bot.shelf import Shelf
from engine.models.catalog import Catalog

CATALOG = Catalog.load()
ALL = Shelf(
    catalog=CATALOG,
    models=frozenset({"pocket", "sdxl", "animagine"}),
    loras=frozenset({"ink", "lcm-sdxl"}),
    drawers={},
    describer=CATALOG["pocket"],
    default_model="sdxl",
)
LITTLE = replace(ALL, models=frozenset({"pocket"}), loras=frozenset(), default_model="pocket")


def test_the_vocabulary_is_what_is_on_disk() -> None:
    assert LITTLE.vocabulary == Vocabulary(models=("pocket",), versions=(0,))
    assert ALL.vocabulary == Vocabulary(
        models=("animagine", "pocket", "sdxl"),
        versions=(0, 1),
        niji=(4,),
        loras=("ink", "lcm-sdxl"),
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a", "sdxl"),
        ("a --model pocket", "pocket"),
        ("a --v 0", "pocket"),
        ("a --v 1", "sdxl"),
        ("a --niji", "animagine"),
        ("a --niji 4", "animagine"),
        ("a --draft", "sdxl"),
        ("a --draft --v 0", "pocket"),
        ("a <lora:lcm-sdxl> --sampler lcm --steps 8", "sdxl"),
    ],
)
def test_a_prompt_names_its_model_in_many_ways(text: str, name: str) -> None:
    assert ALL.card(parse(text, ALL.vocabulary)).name == name


@pytest.mark.parametrize(
    ("shelf", "text", "said"),
    [
        (
            replace(ALL, loras=frozenset()),
            "a --draft",
            (
                "--draft on Stable Diffusion XL 1.0 needs Latent Consistency for SDXL, which is not"
                " on this machine. Try --quality 0.25, or ask the owner to run"
                " `easel models pull lcm-sdxl`."
            ),
        ),
        (
            LITTLE,
            "a --sampler lcm",
            (
                "--sampler lcm is for models that were distilled to it, and Pocket was not."
                " Leave it out."
            ),
        ),
        (
            ALL,
            "a --sampler lcm",
            (
                "--sampler lcm is for models that were distilled to it, and Stable Diffusion XL 1.0"
                " was not. Add <lora:lcm-sdxl>, or leave it out."
            ),
        ),
        (
            ALL,
            "a <lora:lcm-sdxl:0> --sampler lcm",
            (
                "--sampler lcm is for models that were distilled to it, and Stable Diffusion XL 1.0"
                " was not. Add <lora:lcm-sdxl>, or leave it out."
            ),
        ),
        (
            ALL,
            "a <lora:lcm-sdxl> --sampler lcm --steps 60",
            "--sampler lcm takes at most 50 steps, and --steps says 60. Try --steps 8.",
        ),
    ],
)
def test_what_cannot_be_drawn_here_says_what_to_do(shelf: Shelf, text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        shelf.card(parse(text, shelf.vocabulary))
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (Parameters(model="gone"), "The model 'gone' is not on this machine. Leave out --model"),
        (Parameters(version=9), "--version 9 is no longer on this machine. Leave it out"),
        (Parameters(niji=9), "--niji 9 is no longer on this machine. Leave it out"),
    ],
)
def test_a_model_that_was_taken_away_is_missed(parameters: Parameters, said: str) -> None:
    with pytest.raises(UserError, match=said):
        ALL.card(Prompt(parts=(Part("a"),), parameters=parameters))


def test_a_model_that_does_not_sketch_says_so() -> None:
    cards = [msgspec.structs.replace(card, draft=None) for card in ALL.catalog.values()]
    with pytest.raises(UserError, match=r"has no --draft\. Try --quality 0\.25\."):
        replace(ALL, catalog=Catalog(cards)).card(parse("a --draft"))


def test_a_default_model_that_was_taken_away_is_missed_with_what_is_left() -> None:
    left = replace(ALL, models=frozenset({"animagine", "pocket"}))
    for prompt in ("a", "a --model sdxl"):
        with pytest.raises(UserError) as caught:
            left.card(parse(prompt, ALL.vocabulary))
        assert str(caught.value) == (
            "The model 'sdxl' is no longer on this machine. Name another: --model animagine,"
            " --model pocket."
        )
