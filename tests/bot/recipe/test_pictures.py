"""What pictures in a prompt mean to the engine."""

from __future__ import annotations

import pytest

from bot import recipe
from bot.prompt import parse
from engine.models.card import ImageUse
from engine.models.catalog import Catalog

SDXL = Catalog.load()["sdxl"]
CAT, DOG = "https://a.b/cat.png", "https://a.b/dog.png"
SOURCES = {CAT: "c" * 64, DOG: "d" * 64, "https://a.b/same.png": "c" * 64}


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("a", 0.55),
        ("a --iw 1", 0.55),
        ("a --iw 0.5", 0.3292),
        ("a --iw 2", 0.7975),
        ("a --iw 3", 0.9089),
        ("", 1.0),
        ("--iw 0.1", 1.0),
    ],
)
def test_iw_weighs_pictures_against_words(text: str, scale: float) -> None:
    found = recipe.conditions(parse(f"{CAT} {text}"), SOURCES)
    assert found.image_prompt is not None
    assert found.image_prompt.scale == pytest.approx(scale, abs=1e-4)
    assert [one.image for one in found.image_prompt.images] == ["c" * 64]


def test_pictures_have_weights_among_themselves_and_those_of_none_are_left_out() -> None:
    found = recipe.conditions(parse(f"{CAT}::2 {DOG}::.5 https://a.b/same.png::0"), SOURCES)
    assert found.image_prompt is not None
    weights = {one.image: one.weight for one in found.image_prompt.images}
    assert weights == {"c" * 64: 2, "d" * 64: 0.5}


def test_no_share_is_no_condition_and_nothing_at_all_is_refused() -> None:
    assert recipe.conditions(parse(f"{CAT} a --iw 0"), SOURCES) == recipe.Conditions()
    assert recipe.conditions(parse("a"), {}) == recipe.Conditions()
    with pytest.raises(recipe.CannotDrawError, match="nothing is left to draw from"):
        recipe.conditions(parse(f"{CAT} --iw 0"), SOURCES)


def test_the_same_picture_by_two_links_is_refused() -> None:
    with pytest.raises(recipe.CannotDrawError, match="are the same"):
        recipe.conditions(parse(f"{CAT} https://a.b/same.png"), SOURCES)


@pytest.mark.parametrize(("sw", "scale"), [("", 0.5), ("--sw 200", 0.75), ("--sw 1000", 0.999)])
def test_sw_weighs_the_style(sw: str, scale: float) -> None:
    found = recipe.conditions(parse(f"a --sref {CAT} {DOG} {sw}"), SOURCES)
    assert found.style_reference is not None
    assert found.style_reference.scale == pytest.approx(scale, abs=1e-3)
    assert [*found.uses()] == [ImageUse.STYLE]
    assert not [*recipe.conditions(parse(f"a --sref {CAT} --sw 0"), SOURCES).uses()]


@pytest.mark.parametrize(("cw", "scale"), [("", 0.8), ("--cw 50", 0.55), ("--cw 0", 0.3)])
def test_cw_keeps_the_clothes_or_the_face_alone(cw: str, scale: float) -> None:
    found = recipe.conditions(parse(f"{DOG} a --cref {CAT} {cw}"), SOURCES)
    assert found.character_reference is not None
    assert found.character_reference.scale == pytest.approx(scale)
    assert [*found.uses()] == [ImageUse.PROMPT, ImageUse.CHARACTER]


def test_a_drawing_from_pictures_alone_has_no_word_that_nobody_said() -> None:
    prompt = parse(f"{CAT} {DOG} --s 1000 --no leaf")
    request = recipe.text_to_image(
        prompt, card=SDXL, seed=1, pictures=recipe.conditions(prompt, SOURCES)
    )
    assert (request.prompt, request.negative_prompt) == ("", "leaf")
    assert request.image_names() == {"c" * 64, "d" * 64}


@pytest.mark.parametrize("words", ["", "a hat"])
def test_a_subtle_variation_keeps_more_of_its_picture(words: str) -> None:
    prompt = parse(f"{CAT} {words}")
    subtle, strong = (
        recipe.conditions(prompt, SOURCES, variation=variation).image_prompt
        for variation in (recipe.Variation.SUBTLE, recipe.Variation.STRONG)
    )
    assert subtle is not None
    assert strong is not None
    assert subtle.scale > strong.scale + 0.3


def test_a_subtle_variation_starts_at_a_picture_from_anywhere() -> None:
    prompt = parse(f"{CAT} a hat --seed 5 --steps 1 --sref {DOG}")
    pictures = recipe.conditions(prompt, SOURCES, variation=recipe.Variation.SUBTLE)
    request = recipe.keeping_composition(prompt, card=SDXL, seed=1, pictures=pictures)
    assert (request.image, request.source_seed, request.seed) == ("c" * 64, None, 5)
    assert (request.image_prompt, request.style_reference) == (
        pictures.image_prompt,
        pictures.style_reference,
    )
    assert request.num_inference_steps * request.strength >= 1


def test_variations_of_what_was_drawn_here_start_at_it_and_look_at_it() -> None:
    picture = recipe.Drawn(sha256="e" * 64, seed=7)
    prompt = parse(f"{CAT} a --sref {DOG}")
    pictures = recipe.conditions(prompt, SOURCES)
    requests = [
        recipe.image_to_image(
            prompt,
            card=SDXL,
            seed=1,
            picture=picture,
            variation=variation,
            pictures=recipe.Conditions(
                image_prompt=recipe.itself(picture, variation),
                style_reference=pictures.style_reference,
            ),
        )
        for variation in (recipe.Variation.SUBTLE, recipe.Variation.STRONG)
    ]
    subtle, strong = requests
    assert subtle.strength < strong.strength
    assert subtle.noise_interpolation < strong.noise_interpolation
    for request in requests:
        assert request.image_names() == {"e" * 64, "d" * 64}
        assert request.source_seed == 7
