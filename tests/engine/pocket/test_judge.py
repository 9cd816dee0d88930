"""The judge's rules, on composed pictures: there the truth is known."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from engine.pocket import rules
from engine.pocket.backdrops import Backdrop
from engine.pocket.colours import find_coat
from engine.pocket.judge import by_rules, frechet_distance, recall
from engine.pocket.layouts import Layout
from engine.pocket.questions import Kind, ask
from engine.pocket.scenes import Composer, Scene, Thing, draw
from tests.engine.pocket.library import LIBRARY

SQUARE = (128, 128)
QUESTIONS = ask(LIBRARY, 80)


def picture(*colours: str, ground: str = "white", layout: Layout = Layout.SINGLE) -> np.ndarray:
    things = tuple(
        Thing(art=art, name=art.concept.names[0], colour=colour, coat=find_coat(art.pixels))
        for art, colour in zip(LIBRARY, colours, strict=False)
    )
    backdrop = Backdrop(colours=(ground,))
    scene = Scene(things=things, layout=layout, backdrop=backdrop, size=SQUARE)
    return np.asarray(draw(scene, random.Random(4)))


@pytest.mark.parametrize("ground", ["white", "black", "blue", "light blue", "green", "pink"])
def test_a_background_is_named(ground: str) -> None:
    assert rules.background(picture("orange", ground=ground)) == ground


@pytest.mark.parametrize("colour", ["red", "orange", "yellow", "green", "blue", "purple", "pink"])
def test_a_thing_has_its_colour_and_no_other(colour: str) -> None:
    shown = picture(colour, ground="black")
    assert rules.has_colour(shown, colour)
    assert not rules.has_colour(shown, "green" if colour != "green" else "red")


@pytest.mark.parametrize(
    ("layout", "number"), [(Layout.SINGLE, 1), (Layout.TWO, 2), (Layout.THREE, 3)]
)
def test_things_are_counted(layout: Layout, number: int) -> None:
    assert rules.count(picture("red", layout=layout)) == number


def test_an_empty_picture_has_no_things() -> None:
    empty = np.full((128, 128, 3), 200, dtype=np.uint8)
    assert rules.count(empty) == 0
    assert not rules.has_colour(empty, "gray")


def test_left_is_left() -> None:
    shown = picture("red", "blue", layout=Layout.PAIR)
    assert rules.is_left_of(shown, "red", "blue")
    assert not rules.is_left_of(shown, "blue", "red")
    assert not rules.is_left_of(shown, "red", "green")


def test_every_question_was_kept_out_of_training_and_is_asked_once() -> None:
    assert all(question.scene.is_kept_out for question in QUESTIONS)
    assert max(Counter(question.prompt for question in QUESTIONS).values()) == 1
    assert {question.kind for question in QUESTIONS} == set(Kind)
    assert [question.prompt for question in ask(LIBRARY, 80)] == [q.prompt for q in QUESTIONS]


def test_what_is_kept_out_is_never_composed() -> None:
    composer = Composer(LIBRARY)
    captions = {composer.compose(seed)[1] for seed in range(600)}
    assert not captions & {question.prompt for question in QUESTIONS}
    assert not any("blue apple" in caption for caption in captions)


def test_composed_pictures_pass_and_pictures_of_other_scenes_do_not() -> None:
    shown = [np.asarray(draw(q.scene, random.Random(i))) for i, q in enumerate(QUESTIONS)]
    right, wrong = by_rules(QUESTIONS, shown), by_rules(QUESTIONS, shown[::-1])
    assert min(right.values()) > 0.9
    assert max(wrong.values()) < 0.5


def test_recall_counts_those_whose_own_caption_is_near() -> None:
    texts = torch.eye(4)
    images = normalize(torch.tensor([[1.0, 0, 0, 0], [0.9, 1.0, 0, 0], [1.0, 0.9, 0, 0]]), dim=-1)
    assert recall(images, texts, [0, 1, 1], at=1) == pytest.approx(2 / 3)
    assert recall(images, texts, [0, 1, 1], at=2) == 1.0


def test_the_distance_of_two_clouds_is_that_of_their_means_and_spreads() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(4000, 3)), 2 + rng.normal(size=(4000, 3))
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(one, other) == pytest.approx(12, rel=0.05)
    assert frechet_distance(one, 3 * one) == pytest.approx(12, rel=0.1)
