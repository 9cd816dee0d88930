"""Each parameter does what its sentence says: the right way, more with its value, and measured.

`pytest -s tests/effects` prints the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from bot.prompt.flags import SAMPLERS
from tests.effects.easel import PROMPTS, Easel
from tests.effects.measures import (
    blueness,
    burnt,
    distance,
    greenness,
    redness,
    roughness,
    seam,
    sharpness,
    spread,
)

APPLE, CAR, HEART = PROMPTS
each_prompt = pytest.mark.parametrize("prompt", PROMPTS, ids=["apple", "car", "heart"])


def table(
    easel: Easel, prompt: str, values: Sequence[str], measure: Callable[[np.ndarray], float]
) -> list[float]:
    """Return what is measured of a prompt with each of these behind it, and print it."""
    measured = [measure(easel.draw(f"{prompt} {value}".strip())) for value in values]
    rounded = " ".join(f"{number:.4f}" for number in measured)
    print(f"\n{prompt[:24]:24} {' | '.join(values)}: {rounded}", end="")
    return measured


def rises(measured: Sequence[float]) -> bool:
    return all(one < other for one, other in pairwise(measured))


def from_plain(easel: Easel, prompt: str) -> Callable[[np.ndarray], float]:
    plain = easel.draw(prompt)
    return lambda pictures: distance(pictures, plain)


@pytest.mark.parametrize(
    ("ratio", "size"), [("1:1", (128, 128)), ("3:2", (160, 112)), ("9:16", (96, 176))]
)
def test_ar_is_the_shape_of_a_picture_that_still_shows_what_was_asked_for(
    easel: Easel, ratio: str, size: tuple[int, int]
) -> None:
    pictures = easel.draw(f"{APPLE} --ar {ratio}")
    assert pictures.shape == (2, size[1], size[0], 3)
    assert redness(pictures) > 0.1
    assert blueness(pictures) > 0.3


def test_quality_comes_nearer_to_the_picture_of_many_steps(easel: Easel) -> None:
    reference = easel.draw(f"{CAR} --steps 40")
    values = [f"--quality {value}" for value in (1, 0.5, 0.25)]
    assert rises(table(easel, CAR, values, lambda pictures: distance(pictures, reference)))


@each_prompt
def test_stylize_leaves_the_letter_of_the_text(easel: Easel, prompt: str) -> None:
    letter = easel.draw(f"{prompt} --s 0")
    values = [f"--s {value}" for value in (100, 1000)]
    assert rises(table(easel, prompt, values, lambda pictures: distance(pictures, letter)))


@each_prompt
def test_raw_stays_nearer_to_the_letter(easel: Easel, prompt: str) -> None:
    letter = easel.draw(f"{prompt} --s 0")
    values = ["--s 1000 --raw", "--s 1000"]
    assert easel.request(f"{prompt} --raw") == easel.request(f"{prompt} --style raw")
    near, far = table(easel, prompt, values, lambda pictures: distance(pictures, letter))
    assert near < far


@each_prompt
def test_chaos_sets_the_four_pictures_apart(easel: Easel, prompt: str) -> None:
    measured = [spread(easel.draw(f"{prompt} --chaos {value}", count=4)) for value in (0, 50, 100)]
    print(f"\n{prompt[:24]:24} --chaos 0 50 100: {measured}", end="")
    assert rises(measured)
    assert measured[-1] > 1.1 * measured[0]


@each_prompt
def test_weird_strays_from_what_was_asked_for(easel: Easel, prompt: str) -> None:
    values = [f"--weird {value}" for value in (0, 500, 1500, 3000)]
    assert rises(table(easel, prompt, values, from_plain(easel, prompt)))


@each_prompt
def test_stop_ends_soft_and_not_noisy(easel: Easel, prompt: str) -> None:
    values = [f"--stop {value}" for value in (10, 100)]
    assert rises(table(easel, prompt, values, sharpness))
    soft, done = table(easel, prompt, values, roughness)
    noisy = roughness(easel.noisy(prompt))
    print(f" noisy: {noisy:.4f}", end="")
    assert max(soft, done) < 0.2 * noisy
    assert rises(
        table(
            easel, prompt, [f"--stop {value}" for value in (100, 60, 20)], from_plain(easel, prompt)
        )
    )


@each_prompt
def test_opposite_edges_of_a_tile_meet(easel: Easel, prompt: str) -> None:
    open_edges, met = table(easel, prompt, ["", "--tile"], seam)
    assert met < open_edges
    assert met < 1
    # Nobody else's picture is changed by it.
    assert np.array_equal(easel.draw_again(prompt), easel.draw(prompt))


def test_no_takes_a_colour_out(easel: Easel) -> None:
    for prompt, word, measure in (
        ("an apple on a white background", "red", redness),
        ("a frog", "green", greenness),
        ("a fish in the sea", "blue", blueness),
    ):
        with_it, without = table(easel, prompt, ["", f"--no {word}"], measure)
        assert without < with_it


def test_a_seed_is_the_same_picture_again_to_the_bit(easel: Easel) -> None:
    one = easel.draw(f"{APPLE} --seed 7")
    assert np.array_equal(one, easel.draw_again(f"{APPLE} --seed 7"))
    assert distance(one[1:], easel.draw(f"{APPLE} --seed 8", count=1)) < 1e-5
    assert distance(one, easel.draw(f"{APPLE} --seed 9")) > 0.001


def test_one_seed_is_one_picture_and_chaos_sets_even_those_apart(easel: Easel) -> None:
    same = easel.draw(f"{APPLE} --sameseed 7")
    assert np.array_equal(same[0], same[1])
    assert spread(easel.draw(f"{APPLE} --sameseed 7 --chaos 80")) > 0.002


@pytest.mark.parametrize("sampler", [sampler for sampler in SAMPLERS if sampler != "lcm"])
def test_every_sampler_draws_it_in_its_own_way(easel: Easel, sampler: str) -> None:
    pictures = easel.draw(f"{APPLE} --steps 16 --sampler {sampler}", count=1)
    reference = easel.draw(f"{APPLE} --steps 16", count=1)
    print(f"\n{sampler}: {distance(pictures, reference):.4f}", end="")
    assert redness(pictures) > 0.1
    assert blueness(pictures) > 0.3
    assert np.array_equal(pictures, reference) == (sampler == "euler")
    assert distance(pictures, reference) < 0.12
    assert roughness(pictures) < 2 * roughness(reference)


@each_prompt
def test_cfg_leaves_the_picture_without_guidance(easel: Easel, prompt: str) -> None:
    unguided = easel.draw(f"{prompt} --cfg 1")
    values = [f"--cfg {value}" for value in (1.5, 3, 7)]
    assert rises(table(easel, prompt, values, lambda pictures: distance(pictures, unguided)))


@each_prompt
def test_a_strong_cfg_burns_less_than_guidance_alone_would(easel: Easel, prompt: str) -> None:
    asked = easel.request(f"{prompt} --cfg 20")
    alone = msgspec.structs.replace(asked, guidance_rescale=0.0, mimic_scale=0.0)
    held, bare = (easel.carry_out(one) for one in (asked, alone))
    print(f"\n--cfg 20: burnt {burnt(held):.4f}, alone {burnt(bare):.4f}", end="")
    assert burnt(held) < 0.95 * burnt(bare)


@each_prompt
def test_clip_skip_reads_the_words_less_finely(easel: Easel, prompt: str) -> None:
    values = [f"--clip-skip {value}" for value in (0, 1, 2)]
    assert rises(table(easel, prompt, values, from_plain(easel, prompt)))


def test_a_draft_takes_a_fifth_of_the_steps_and_shows_the_same(easel: Easel) -> None:
    assert easel.request(f"{APPLE} --draft").num_inference_steps == 4
    assert easel.model.card.num_inference_steps == 20
    for prompt, measure in ((APPLE, redness), (CAR, greenness)):
        sketch, drawn = table(easel, prompt, ["--draft", ""], measure)
        assert 0.5 * drawn < sketch < 2 * drawn
    near = distance(easel.draw(f"{APPLE} --draft"), easel.draw(APPLE))
    assert near < 0.5 * distance(easel.draw(f"{CAR} --draft"), easel.draw(APPLE))
