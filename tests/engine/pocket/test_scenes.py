"""What a caption says is what the picture shows."""

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.pocket.backdrops import PLACES, Backdrop, draw_backdrop
from engine.pocket.captions import describe
from engine.pocket.chinese import describe_in_chinese
from engine.pocket.colours import BACKGROUNDS, TINTS, find_coat, tint
from engine.pocket.concepts import CONCEPTS
from engine.pocket.dataset import shard_plan
from engine.pocket.icons import Art
from engine.pocket.layouts import Layout
from engine.pocket.scenes import BUCKETS, Composer, Scene, Thing, draw
from tests.engine.pocket.library import LIBRARY, disc

SQUARE = (128, 128)


def scene(art: Art, *, backdrop: Backdrop, layout: Layout = Layout.SINGLE) -> Scene:
    thing = Thing(art=art, name=art.concept.names[0])
    return Scene(things=(thing,), layout=layout, backdrop=backdrop, size=SQUARE)


def test_no_two_concepts_share_a_label_or_a_first_name() -> None:
    assert max(Counter(concept.label for concept in CONCEPTS).values()) == 1
    assert max(Counter(concept.names[0] for concept in CONCEPTS).values()) == 1


@pytest.mark.parametrize("colour", BACKGROUNDS)
def test_the_corners_have_the_named_background_colour(colour: str) -> None:
    plan = scene(LIBRARY[0], backdrop=Backdrop(colours=(colour,)))
    pixels = np.asarray(draw(plan, random.Random(1))).astype(int)
    corners = pixels[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert np.abs(corners - BACKGROUNDS[colour]).max() <= 6
    assert f"{colour} background" in describe(plan, random.Random(1))


@pytest.mark.parametrize("art", LIBRARY, ids=lambda art: art.concept.label)
@pytest.mark.parametrize("colour", [name for name, values in TINTS.items() if values[1] > 0.2])
def test_a_tinted_thing_has_the_named_hue(art: Art, colour: str) -> None:
    coat = find_coat(art.pixels)
    assert coat is not None
    painted = Image.fromarray(tint(art.pixels, coat, colour)[..., :3]).convert("HSV")
    hue, saturation, brightness = np.asarray(painted)[100, 72].astype(float)
    wanted_hue, wanted_saturation, wanted_brightness = TINTS[colour]
    assert abs((hue * 360 / 256 - wanted_hue + 180) % 360 - 180) < 12
    assert saturation / 255 == pytest.approx(wanted_saturation, abs=0.15)
    assert brightness / 255 == pytest.approx(wanted_brightness, abs=0.15)


def test_tinting_leaves_what_is_not_the_coat_as_it_was() -> None:
    coat = find_coat(LIBRARY[0].pixels)
    assert coat is not None
    painted = tint(LIBRARY[0].pixels, coat, "blue")
    assert painted[48, 68].tolist() == LIBRARY[0].pixels[48, 68].tolist()
    assert (painted[..., 3] == LIBRARY[0].pixels[..., 3]).all()


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((210, 40, 40), "red"),
        ((250, 220, 60), "yellow"),
        ((90, 55, 30), "brown"),
        ((60, 170, 80), "green"),
        ((235, 235, 240), "white"),
    ],
)
def test_a_coat_is_named_by_its_own_colour(rgb: tuple[int, int, int], name: str) -> None:
    coat = find_coat(disc("thing", rgb).pixels)
    assert coat is not None
    assert coat.colour == name


@pytest.mark.parametrize(
    ("layout", "words", "count"),
    [(Layout.TWO, "two apples", 2), (Layout.THREE, "three apples", 3)],
)
def test_a_count_in_the_caption_is_the_count_in_the_picture(
    layout: Layout, words: str, count: int
) -> None:
    plan = scene(LIBRARY[0], backdrop=Backdrop(colours=("white",)), layout=layout)
    pixels = np.asarray(draw(plan, random.Random(2))).astype(int)
    one = scene(LIBRARY[0], backdrop=Backdrop(colours=("white",)), layout=Layout.SMALL)
    single = np.asarray(draw(one, random.Random(2))).astype(int)

    def red(picture: Any) -> int:
        return int((picture[..., 0] - picture[..., 2] > 100).sum())

    assert words in describe(plan, random.Random(2))
    assert red(pixels) / red(single) == pytest.approx(count, rel=0.35)


@pytest.mark.parametrize("size", BUCKETS, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_same_seed_makes_the_same_pair_in_every_bucket(size: tuple[int, int]) -> None:
    first, caption = Composer(LIBRARY).compose(7, size)
    second, again = Composer(LIBRARY).compose(7, size)
    assert first.size == size
    assert caption == again
    assert first.tobytes() == second.tobytes()


def test_different_seeds_make_different_pairs() -> None:
    composer = Composer(LIBRARY)
    assert len({composer.compose(seed)[1] for seed in range(40)}) > 25


@pytest.mark.parametrize("place", PLACES)
def test_every_place_can_be_drawn_in_every_bucket(place: str) -> None:
    for size in BUCKETS:
        image = draw_backdrop(Backdrop(place=place), size, random.Random(3))
        assert image.size == size


def test_most_pictures_show_one_thing_on_a_plain_backdrop() -> None:
    composer = Composer(LIBRARY)
    scenes = [composer.invent(random.Random(seed), SQUARE) for seed in range(600)]
    singles = sum(made.layout is Layout.SINGLE for made in scenes)
    plain = sum(len(made.backdrop.colours) == 1 for made in scenes)
    assert singles > 0.66 * len(scenes)
    assert plain > 0.7 * len(scenes)


def test_bucket_sides_are_multiples_of_sixteen_and_of_about_one_pixel_count() -> None:
    for width, height in BUCKETS:
        assert width % 16 == height % 16 == 0
        assert width * height == pytest.approx(128 * 128, rel=0.1)


def test_shards_come_in_the_proportions_of_the_buckets() -> None:
    sizes = Counter(size for _, size in shard_plan(50))
    for size, share in BUCKETS.items():
        assert sizes[size] / 50 == pytest.approx(share, abs=0.03)


def pair(*, size: tuple[int, int] = SQUARE) -> Scene:
    things = tuple(Thing(art=art, name=art.concept.names[0]) for art in LIBRARY[:2])
    backdrop = Backdrop(colours=("blue",))
    return Scene(things=things, layout=Layout.PAIR, backdrop=backdrop, size=size)


@pytest.mark.parametrize("seed", range(40))
def test_the_first_of_two_named_stands_left_unless_the_words_turn_them_round(seed: int) -> None:
    caption = describe(pair(), random.Random(seed))
    is_turned = "to the right of" in caption
    assert (caption.index("apple") > caption.index("lemon")) is is_turned
    assert "above" not in caption


def test_in_a_tall_picture_things_stand_above_each_other() -> None:
    captions = {describe(pair(size=(96, 176)), random.Random(seed)) for seed in range(40)}
    assert any("apple above a lemon" in caption for caption in captions)
    assert not any("left" in caption or "right" in caption for caption in captions)


def test_a_scene_is_described_in_chinese_too() -> None:
    captions = {describe_in_chinese(pair(), random.Random(seed)) for seed in range(40)}
    assert all("苹果" in caption and "柠檬" in caption for caption in captions)
    assert any("左边是苹果" in caption for caption in captions)
    assert all("蓝色背景" in caption for caption in captions)


def test_one_drawing_is_never_drawn_twice_alike() -> None:
    plan = scene(LIBRARY[0], backdrop=Backdrop(colours=("white",)))
    pictures = [np.asarray(draw(plan, random.Random(seed))).astype(int) for seed in range(6)]
    differences = [np.abs(a - b).mean() for i, a in enumerate(pictures) for b in pictures[:i]]
    assert min(differences) > 5
