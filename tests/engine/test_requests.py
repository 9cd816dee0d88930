"""What may be asked of the engine, and how it is stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from engine.api import (
    Answer,
    Describe,
    Described,
    ImageCondition,
    ImageToImage,
    Request,
    RequestError,
    Shorten,
    Shortened,
    TextToImage,
    WeightedImage,
    WordWeight,
    answer_from_json,
    answer_to_json,
    request_from_json,
    request_to_json,
)

CAT, DOG, INK, ANN = ("c" * 64, "d" * 64, "1" * 64, "a" * 64)


def condition(*images: str, scale: float = 0.5) -> ImageCondition:
    return ImageCondition(images=tuple(WeightedImage(image=image) for image in images), scale=scale)


def text_to_image(**changes: Any) -> TextToImage:
    fields: dict[str, Any] = {"model": "tiny", "prompt": "a", "height": 64, "width": 64, "seed": 1}
    return TextToImage(**(fields | changes))


def image_to_image(**changes: Any) -> ImageToImage:
    fields: dict[str, Any] = {"model": "tiny", "prompt": "a", "height": 64, "width": 64, "seed": 1}
    return ImageToImage(image=CAT, **(fields | changes))


REQUESTS: list[Request] = [
    text_to_image(),
    text_to_image(
        image_prompt=ImageCondition(
            images=(WeightedImage(image=CAT, weight=2.5), WeightedImage(image=DOG)), scale=0.25
        ),
        style_reference=condition(INK),
        character_reference=condition(ANN, scale=1.0),
        num_candidates=8,
    ),
    image_to_image(image_prompt=condition(CAT), source_seed=7, noise_interpolation=0.15),
    Describe(model="tiny", image=CAT, seed=3),
    Shorten(model="tiny", prompt="a very red cat"),
]
ANSWERS: list[Answer] = [
    Described(prompts=["a cat", "one cat"], width=512, height=384, source="BLIP"),
    Shortened(words=[WordWeight(word="red,", weight=1.0)], prompts=["red"]),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=[type(one).__name__ for one in REQUESTS])
def test_a_request_is_stored_and_read_back(request_: Request) -> None:
    stored = json.loads(json.dumps(request_to_json(request_)))
    assert request_from_json(stored) == request_


@pytest.mark.parametrize("answer", ANSWERS, ids=[type(one).__name__ for one in ANSWERS])
def test_an_answer_is_stored_and_read_back(answer: Answer) -> None:
    assert answer_from_json(json.loads(json.dumps(answer_to_json(answer)))) == answer


def test_a_request_of_before_pictures_were_prompts_is_still_read() -> None:
    stored = request_to_json(text_to_image())
    for field in ("image_prompt", "style_reference", "character_reference"):
        del stored[field]
    assert request_from_json(stored) == text_to_image()


def test_an_answer_of_a_later_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version: 2 is not 1"):
        answer_from_json(answer_to_json(ANSWERS[0]) | {"version": 2})


def test_a_request_names_every_picture_that_it_needs() -> None:
    assert [request.image_names() for request in REQUESTS] == [
        frozenset(),
        {CAT, DOG, INK, ANN},
        {CAT},
        {CAT},
        frozenset(),
    ]
    both = image_to_image(image_prompt=condition(DOG))
    assert both.image_names() == {CAT, DOG}


@pytest.mark.parametrize("same_seed", [False, True])
def test_no_two_candidates_for_a_picture_have_one_seed(same_seed: bool) -> None:
    four = text_to_image(seed=2**32 - 20, same_seed=same_seed)
    seeds = [[four.seed_of(index, candidate) for candidate in range(8)] for index in range(4)]
    assert all(len(set(own)) == 8 for own in seeds)
    assert len({seed for own in seeds for seed in own}) == (8 if same_seed else 32)
    assert all(0 <= seed < 2**32 for own in seeds for seed in own)
    alone = [text_to_image(seed=four.seed_of(index)) for index in range(4)]
    assert seeds == [[one.seed_of(0, candidate) for candidate in range(8)] for one in alone]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (condition, "images: 0 is outside 1 to 5"),
        (lambda: condition(*(f"{i}" * 64 for i in range(6))), "images: 6 is outside 1 to 5"),
        (lambda: condition(CAT, DOG, CAT), "the same picture twice"),
        (lambda: condition(CAT, scale=0), "scale: 0 is not above 0"),
        (lambda: condition(CAT, scale=1.01), "scale: 1.01 is not above 0 and up to 1"),
        (lambda: condition(CAT, scale=float("nan")), "scale: nan is not above 0"),
        (lambda: WeightedImage(image=CAT, weight=0), "weight: 0 is not above 0"),
        (lambda: WeightedImage(image=CAT, weight=float("inf")), "weight: inf is not above 0"),
        (lambda: WeightedImage(image="cat.png"), "image: 'cat.png' is not a sha256"),
        (lambda: text_to_image(num_candidates=2), "num_candidates: chooses among blends"),
        (
            lambda: text_to_image(num_candidates=2, image_prompt=condition(CAT)),
            "num_candidates: chooses among blends",
        ),
        (
            lambda: text_to_image(num_candidates=9, image_prompt=condition(CAT, DOG)),
            "num_candidates: 9 is outside 1 to 8",
        ),
        (lambda: image_to_image(source_seed=-1), "source_seed: -1 is outside 0"),
        (lambda: image_to_image(noise_interpolation=2), "noise_interpolation: 2 is outside 0 to 1"),
        (lambda: Describe(model="", image=CAT), "model: is empty"),
        (lambda: Describe(model="tiny", image="../cat"), "image: '../cat' is not a sha256"),
        (lambda: Shorten(model="tiny", prompt=" "), "prompt: is empty"),
        (lambda: Shorten(model="tiny", prompt="a" * 8001), "prompt: has 8001 characters"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(RequestError) as refusal:
        make()
    assert message in str(refusal.value)
