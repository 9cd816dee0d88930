"""What Midjourney's words mean in the engine's words, as a table, and what always holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import recipe
from bot.prompt import PromptError, Ratio, Vocabulary, parse
from bot.prompt.flags import SAMPLERS
from engine.api import (
    MAX_PROMPT_CHARACTERS,
    ImageCondition,
    LoraWeight,
    Sampler,
    WeightedImage,
)
from engine.models.card import ModelCard
from engine.models.catalog import Catalog
from engine.prompt_weights import parse_weights

CATALOG = Catalog.load()
SDXL, POCKET = CATALOG["sdxl"], CATALOG["pocket"]
TURBO = ModelCard(
    name="turbo",
    title="A distilled model: few steps, no guidance, no refiner",
    license="none",
    source="folder",
    base=str(Path("/models/turbo")),
    sizes=((512, 512),),
    num_inference_steps=4,
    guidance_scale=1.0,
)
SHA256 = "0" * 64
PICTURE = recipe.Drawn(sha256=SHA256, seed=5)
SUBTLE = recipe.Variation.SUBTLE


# (what it shows, the prompt, the model, the fields that matter)
EXAMPLES: list[tuple[str, str, ModelCard, dict[str, Any]]] = [
    (
        "the defaults are the model's own",
        "a red fox",
        SDXL,
        {
            "model": "sdxl",
            "prompt": "a red fox",
            "negative_prompt": "",
            "width": 1024,
            "height": 1024,
            "num_images": 4,
            "num_inference_steps": 30,
            "guidance_scale": 5.0,
            "denoising_end": 0.8,
            "aesthetic_score": 6.0,
            "condition_noise": 0.0,
            "seed": 77,
        },
    ),
    ("--ar of a trained size", "a --ar 3:2", SDXL, {"width": 1216, "height": 832}),
    ("--ar between two sizes", "a --ar 16:9", SDXL, {"width": 1344, "height": 768}),
    ("--ar upright", "a --ar 9:16", SDXL, {"width": 768, "height": 1344}),
    ("--ar beyond the widest", "a --ar 100:1", SDXL, {"width": 2048, "height": 512}),
    ("--ar of a small model", "a --ar 16:9", POCKET, {"width": 176, "height": 96}),
    ("--ar of a model of one size", "a --ar 16:9", TURBO, {"width": 512, "height": 512}),
    ("--seed goes before the one drawn", "a --seed 5", SDXL, {"seed": 5}),
    ("--quality .5", "a --q .5", SDXL, {"num_inference_steps": 15}),
    ("--quality 2", "a --q 2", SDXL, {"num_inference_steps": 60}),
    ("--quality has a floor", "a --q .25", POCKET, {"num_inference_steps": 6}),
    ("the floor of few steps", "a --q .25", TURBO, {"num_inference_steps": 4}),
    ("--steps is exact", "a --steps 3", SDXL, {"num_inference_steps": 3}),
    ("--cfg is exact", "a --cfg 9 --s 1000", SDXL, {"guidance_scale": 9.0}),
    (
        "--stylize 0 is by the letter",
        "a --s 0",
        SDXL,
        {"aesthetic_score": 5.0, "denoising_end": 0.9, "guidance_scale": 6.0, "prompt": "a"},
    ),
    (
        "--stylize 250 adds a style word or two",
        "a --s 250",
        SDXL,
        {"aesthetic_score": 6.5, "prompt": "a, highly detailed, dramatic lighting"},
    ),
    (
        "--stylize 1000 is as beautiful as it gets",
        "a --s 1000",
        SDXL,
        {
            "aesthetic_score": 9.0,
            "denoising_end": 0.7,
            "guidance_scale": 4.0,
            "prompt": "a, highly detailed, dramatic lighting, cinematic, masterful composition",
        },
    ),
    (
        "a style word is not said twice",
        "a Highly Detailed map --s 250",
        SDXL,
        {"prompt": "a Highly Detailed map, dramatic lighting"},
    ),
    (
        "--raw leaves a quarter, and no words",
        "a --s 1000 --raw",
        SDXL,
        {"aesthetic_score": 6.5, "prompt": "a"},
    ),
    (
        "--style raw is --raw",
        "a --s 1000 --style raw",
        SDXL,
        {"aesthetic_score": 6.5, "prompt": "a"},
    ),
    (
        "a guidance that the model likes is left alone",
        "a --cfg 7.5",
        SDXL,
        {"guidance_scale": 7.5, "guidance_rescale": 0.0, "mimic_scale": 0.0},
    ),
    (
        "a strong guidance is held back",
        "a --cfg 10",
        SDXL,
        {"guidance_scale": 10.0, "guidance_rescale": 0.08, "mimic_scale": 7.07},
    ),
    (
        "the strongest is held back most",
        "a --cfg 20",
        SDXL,
        {"guidance_scale": 20.0, "guidance_rescale": 0.4, "mimic_scale": 10.0},
    ),
    (
        "a guidance for a model that likes none",
        "a --cfg 3",
        TURBO,
        {"guidance_scale": 3.0, "guidance_rescale": 0.24, "mimic_scale": 1.73},
    ),
    ("--weird", "a --weird 1500", SDXL, {"condition_rotation": 0.3, "condition_noise": 0.0}),
    ("--stop", "a --stop 60", SDXL, {"stop_at": 0.6, "num_inference_steps": 30}),
    ("--tile", "a --tile", SDXL, {"circular_padding": True}),
    ("--clip-skip", "a --clip-skip 1", SDXL, {"clip_skip": 1}),
    ("--sampler", "a --sampler lcm", SDXL, {"sampler": Sampler.LCM}),
    (
        "--draft of a model with a LoRA for it",
        "a --draft",
        SDXL,
        {
            "num_inference_steps": 6,
            "guidance_scale": 1.5,
            "sampler": Sampler.LCM,
            "loras": (LoraWeight(name="lcm-sdxl"),),
            "denoising_end": 1.0,
        },
    ),
    (
        "--draft of a model without",
        "a --draft --s 0",
        POCKET,
        {
            "num_inference_steps": 4,
            "guidance_scale": 5.0,
            "sampler": Sampler.EULER,
            "loras": (),
            "denoising_end": 0.9,
        },
    ),
    ("--draft follows --cfg", "a --draft --cfg 2", SDXL, {"guidance_scale": 2.0}),
    (
        "LoRAs are drawn with by the base model alone",
        "a <lora:ink:0.5> <lora:dust:-1>",
        SDXL,
        {
            "prompt": "a",
            "loras": (LoraWeight(name="ink", weight=0.5), LoraWeight(name="dust", weight=-1.0)),
            "denoising_end": 1.0,
        },
    ),
    (
        "a LoRA of no weight is none",
        "a <lora:ink:0>",
        SDXL,
        {"loras": (), "denoising_end": 0.8},
    ),
    (
        "a draft's own LoRA is added once",
        "a <lora:lcm-sdxl:0.5> <lora:ink> --draft",
        SDXL,
        {"loras": (LoraWeight(name="lcm-sdxl"), LoraWeight(name="ink"))},
    ),
    ("--stylize without guidance", "a --s 0", TURBO, {"guidance_scale": 1.0, "denoising_end": 1.0}),
    ("--chaos", "a --chaos 30", SDXL, {"condition_noise": 0.3}),
    ("--no", "a --no red hair, text", SDXL, {"prompt": "a", "negative_prompt": "red hair, text"}),
    ("--negative", "a --negative (b:1.2), c", SDXL, {"negative_prompt": "(b:1.2), c"}),
    (
        "--no, --negative and unwanted parts",
        "a:: b::-.5 --no c --negative d (",
        SDXL,
        {"negative_prompt": "c, d , b"},
    ),
    ("--sameseed", "a --sameseed 5", SDXL, {"seed": 5, "same_seed": True}),
    ("every picture its own seed", "a --seed 5", SDXL, {"seed": 5, "same_seed": False}),
    ("a lane is no matter of drawing", "a --relax", SDXL, {"prompt": "a", "seed": 77}),
    ("escaped braces are braces", r"a \{b\}", SDXL, {"prompt": "a {b}"}),
    ("BREAK and emphasis stay", "((a)) BREAK [b]", SDXL, {"prompt": "((a)) BREAK [b]"}),
    ("parts of one weight", "hot:: dog", SDXL, {"prompt": "hot, dog"}),
    ("only ratios matter", "hot::100 dog::100", SDXL, {"prompt": "hot, dog"}),
    ("a heavier part", "hot::2 dog", SDXL, {"prompt": "(hot:1.33), (dog:0.67)"}),
    ("the same in other numbers", "hot::4 dog::2", SDXL, {"prompt": "(hot:1.33), (dog:0.67)"}),
    (
        "emphasis has an end",
        "a::99 b c:: d:: e::",
        SDXL,
        {"prompt": "(a:2), (b c:0.05), (d:0.05), (e:0.05)"},
    ),
    (
        "a part of weight -0.5 is --no",
        "tulips:: red::-.5",
        SDXL,
        {"prompt": "tulips", "negative_prompt": "red"},
    ),
    ("a heavier unwanted part", "a:: red::-.75", SDXL, {"negative_prompt": "(red:1.5)"}),
    ("--no and unwanted parts", "a:: b::-.5 --no c", SDXL, {"negative_prompt": "c, b"}),
    ("a part of no weight is left out", "a:: b::0 c", SDXL, {"prompt": "a, c"}),
    (
        "weights in the text stay",
        "(a:1.2) [b]::2 c",
        SDXL,
        {"prompt": "((a:1.2) [b]:1.33), (c:0.67)"},
    ),
    (
        "a bracket without a partner is dropped",
        "a) (b::2 c",
        SDXL,
        {"prompt": "(a b:1.33), (c:0.67)"},
    ),
    (
        "an escaped backslash escapes nothing else",
        r"a\\(::2 b",
        SDXL,
        {"prompt": r"(a\\:1.33), (b:0.67)"},
    ),
    ("brackets across each other", "[(a] b)", SDXL, {"prompt": "(a b)"}),
    ("an escaped bracket stays", r"\(a::2 b", SDXL, {"prompt": r"(\(a:1.33), (b:0.67)"}),
]


@pytest.mark.parametrize(
    ("text", "card", "fields"), [pytest.param(*example[1:], id=example[0]) for example in EXAMPLES]
)
def test_a_prompt_becomes_a_request(text: str, card: ModelCard, fields: dict[str, Any]) -> None:
    prompt = parse(text, Vocabulary(loras=("ink", "dust", "lcm-sdxl")))
    request = recipe.text_to_image(prompt, card=card, seed=77)
    assert {name: getattr(request, name) for name in fields} == fields


def blend_of(*names: str) -> recipe.Conditions:
    images = tuple(WeightedImage(image=name * 64) for name in names)
    return recipe.Conditions(image_prompt=ImageCondition(images=images))


@pytest.mark.parametrize(
    ("text", "pictures", "card", "candidates"),
    [
        ("", blend_of("a", "b"), POCKET, POCKET.blend_candidates),
        ("--seed 5", blend_of("a", "b", "c"), POCKET, POCKET.blend_candidates),
        ("", blend_of("a", "b"), SDXL, 1),
        ("", blend_of("a"), POCKET, 1),
        ("a cat", blend_of("a", "b"), POCKET, 1),
        ("--draft", blend_of("a", "b"), POCKET, 1),
        ("a cat", recipe.Conditions(), POCKET, 1),
    ],
    ids=["blend", "three", "a model of one", "picture", "with words", "sketch", "words"],
)
def test_the_best_of_several_is_kept_of_blends_without_words(
    text: str, pictures: recipe.Conditions, card: ModelCard, candidates: int
) -> None:
    links = "https://example.com/a.png " if pictures.image_prompt else ""
    prompt = parse(f"{links}{text}")
    request = recipe.text_to_image(prompt, card=card, seed=1, pictures=pictures)
    assert request.num_candidates == candidates
    assert POCKET.blend_candidates > 1


def test_a_variation_of_a_blend_is_drawn_once() -> None:
    prompt = parse("https://example.com/a.png https://example.com/b.png")
    request = recipe.image_to_image(
        prompt,
        card=POCKET,
        seed=1,
        picture=PICTURE,
        variation=SUBTLE,
        pictures=blend_of("a", "b"),
    )
    assert request.num_candidates == 1


def test_variations_keep_shape_and_no_and_leave_out_what_shapes_a_first_grid() -> None:
    prompt = parse("a --ar 3:2 --no b --chaos 50 --q 2 --seed 5 --s 1000")
    request = recipe.image_to_image(prompt, card=SDXL, seed=77, picture=PICTURE, variation=SUBTLE)
    assert (request.width, request.height, request.negative_prompt) == (1216, 832, "b")
    assert (request.seed, request.condition_noise, request.num_inference_steps) == (77, 0.0, 30)
    assert (request.prompt, request.aesthetic_score) == ("a", 6.0)
    assert (request.image, request.strength) == (SHA256, 0.5)
    assert (request.source_seed, request.noise_interpolation) == (None, 1.0)


def test_variations_keep_what_shapes_every_picture_and_lose_what_is_weird() -> None:
    prompt = parse("a --tile --stop 50 --clip-skip 1 --weird 3000 --draft")
    request = recipe.image_to_image(prompt, card=POCKET, seed=1, picture=PICTURE, variation=SUBTLE)
    assert (request.circular_padding, request.stop_at, request.clip_skip) == (True, 0.5, 1)
    assert (request.condition_rotation, request.num_inference_steps) == (0.0, 4)


def test_variations_draw_at_least_one_step() -> None:
    prompt = parse("a --steps 1")
    request = recipe.image_to_image(prompt, card=SDXL, seed=1, picture=PICTURE, variation=SUBTLE)
    assert request.num_inference_steps == 2


@pytest.mark.parametrize(
    "card", [card for card in CATALOG.values() if card.draws], ids=lambda card: card.name
)
def test_no_ratio_means_the_models_default_size(card: ModelCard) -> None:
    request = recipe.text_to_image(parse("a"), card=card, seed=0)
    assert (request.width, request.height) == card.default_size


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_a_ratio_and_its_inverse_have_the_same_size_turned(width: int, height: int) -> None:
    size = recipe.nearest_size(Ratio(width, height), POCKET.sizes)
    assert recipe.nearest_size(Ratio(height, width), POCKET.sizes) == size[::-1]


cards = st.sampled_from([SDXL, POCKET, TURBO])
typed = st.lists(
    st.sampled_from(
        [
            *(
                "a cat",
                "(",
                ")",
                "[",
                "\\",
                "::2",
                "::-.5",
                "::999",
                "::0.001",
                ",",
                '"x"',
                "b" * 900,
            ),
            *(
                "--s 1000",
                "--s 0",
                "--raw",
                "--q .25",
                "--q 2",
                "--steps 1",
                "--steps 150",
                "--cfg 1",
                "--cfg 20",
                "--stop 10",
                "--weird 3000",
                "--draft",
                "--sampler lcm",
                "--tile --clip-skip 2",
            ),
            *("--no a, (b", "--no " + "c," * 49, "--chaos 100", "--ar 10000:1", "--ar 1:10000"),
        ]
    ),
    max_size=12,
).map(lambda pieces: " ".join(sorted(pieces, key=lambda piece: piece.startswith("--"))))


@settings(max_examples=500, deadline=None)
@given(typed, cards, st.sampled_from(recipe.Variation), st.integers(0, 2**32 - 1))
def test_every_prompt_that_can_be_read_can_be_drawn(
    text: str, card: ModelCard, variation: recipe.Variation, seed: int
) -> None:
    try:
        prompt = parse(text)
    except PromptError:
        return
    first = recipe.text_to_image(prompt, card=card, seed=seed)
    assert (first.width, first.height) in card.sizes
    recipe.image_to_image(prompt, card=card, seed=seed, picture=PICTURE, variation=variation)


def test_the_longest_prompts_fit_a_request() -> None:
    parts = " ".join(f"{'(a)' * 90}::{weight}" for weight in range(1, 20)) + " --s 1000"
    unwanted = "a --no " + ",".join("b" * 118 for _ in range(50))
    for text in (parts, unwanted, "a" * 6000):
        request = recipe.text_to_image(parse(text), card=SDXL, seed=0)
        assert max(len(request.prompt), len(request.negative_prompt)) <= MAX_PROMPT_CHARACTERS


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        pytest.param("hot::2 dog", [("hot", 1.33), (", ", 1), ("dog", 0.67)], id="weights"),
        pytest.param("a (b::2 c", [("a b", 1.33), (", ", 1), ("c", 0.67)], id="a stray bracket"),
        pytest.param("[(a] b)::1 c", [("a b", 1.1), (", c", 1)], id="brackets across each other"),
        pytest.param(r"\(a\)::3 b", [("(a)", 1.5), (", ", 1), ("b", 0.5)], id="escaped brackets"),
    ],
)
def test_the_engine_reads_the_emphasis_that_the_recipe_writes(
    text: str, fragments: list[tuple[str, float]]
) -> None:
    request = recipe.text_to_image(parse(text), card=SDXL, seed=0)
    [read] = parse_weights(request.prompt)
    assert [(fragment.text, fragment.weight) for fragment in read] == fragments


def test_every_sampler_that_can_be_typed_is_one_of_the_engines() -> None:
    assert tuple(recipe.SAMPLERS) == SAMPLERS
    prompt = parse("a cat --sampler dpm-2m-karras")
    request = recipe.text_to_image(prompt, card=POCKET, seed=1)
    assert request.sampler is Sampler.DPM_2M_KARRAS
