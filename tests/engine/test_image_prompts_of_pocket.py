"""What pictures in a prompt do, on the built-in model; the benchmark has the figures at length."""

from __future__ import annotations

import hashlib
import io
import itertools
from dataclasses import dataclass

import pytest
import torch
from PIL import Image

from engine.api import (
    Describe,
    Described,
    ImageCondition,
    RequestError,
    TextToImage,
    WeightedImage,
    WorkItem,
)
from engine.devices import find_device
from engine.image_encoder import ImageEncoder, blend
from engine.models.catalog import Catalog
from engine.models.store import ModelStore
from engine.models.unclip import UnCLIP
from engine.painter import Painter
from engine.words import Reader

STEPS = 8
SHOWN = (
    ("star", "black", "a yellow star on a black background"),
    ("heart", "white", "a red heart on a white background"),
    ("car", "blue", "a green car on a blue background"),
    ("sunflower", "pink", "a sunflower on a pink background"),
)


@dataclass(frozen=True, slots=True)
class Studio:
    store: ModelStore
    painter: Painter
    reader: Reader
    encoder: ImageEncoder

    def draw(self, prompt: str, *sources: bytes, scale: float = 1.0, count: int = 1) -> list[bytes]:
        names = [hashlib.sha256(source).hexdigest() for source in sources]
        condition = ImageCondition(
            images=tuple(WeightedImage(image=name) for name in names), scale=scale
        )
        request = TextToImage(
            model="pocket",
            prompt=prompt,
            height=128,
            width=128,
            seed=0,
            num_images=count,
            num_inference_steps=STEPS,
            image_prompt=condition,
        )
        return self._run(request, dict(zip(names, sources, strict=True)))

    def imagine(self, prompt: str, *, seed: int) -> bytes:
        """Draw one picture from words alone."""
        request = TextToImage(
            model="pocket",
            prompt=prompt,
            height=128,
            width=128,
            seed=seed,
            num_images=1,
            num_inference_steps=STEPS,
        )
        (picture,) = self._run(request, {})
        return picture

    def _run(self, request: TextToImage, blobs: dict[str, bytes]) -> list[bytes]:
        item = WorkItem(job_id=1, fence=1, request=request, blobs=blobs)
        drawing = self.painter.draw(item, report=lambda *_: None, is_stopped=lambda: False)
        return [picture.png for picture in drawing.pictures]

    def describe(self, png: bytes, *, seed: int) -> Described:
        """Find words for a picture."""
        sha256 = hashlib.sha256(png).hexdigest()
        request = Describe(model="pocket", image=sha256, seed=seed)
        answer = self.reader.read(request, {sha256: png}).answer
        assert isinstance(answer, Described)
        return answer

    def look(self, pngs: list[bytes]) -> torch.Tensor:
        """Embeddings (N, 192) as they are."""
        images = [Image.open(io.BytesIO(png)).convert("RGB") for png in pngs]
        return torch.cat([self.encoder.image_embeds(image) for image in images])

    def similarity(self, drawn: list[bytes], source: bytes) -> float:
        return float(torch.cosine_similarity(self.look(drawn), self.look([source])).mean())


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    store = ModelStore(
        catalog=Catalog.load(),
        models_dir=tmp_path_factory.mktemp("models"),
        device=find_device(cpu_only=True),
        budget_bytes=2**33,
    )
    unclip = store.get("pocket", images=True).image_prompts
    assert isinstance(unclip, UnCLIP)
    return Studio(store, Painter(store), Reader(store), unclip.image_encoder)


@pytest.fixture(scope="module")
def sources(studio: Studio) -> list[bytes]:
    """Pictures that the model drew from words."""
    return [studio.imagine(prompt, seed=seed) for seed, (_, _, prompt) in enumerate(SHOWN)]


def test_a_variation_moves_away_from_its_source_as_the_source_counts_less(
    studio: Studio, sources: list[bytes]
) -> None:
    means = [
        sum(studio.similarity(studio.draw("", one, scale=scale, count=2), one) for one in sources)
        for scale in (1.0, 0.4, 0.05)
    ]
    assert means == sorted(means, reverse=True)
    assert means[0] - means[-1] > 0.1 * len(sources)


def test_a_picture_beside_words_is_seen_the_more_the_more_it_counts(
    studio: Studio, sources: list[bytes]
) -> None:
    # The words are those of another source, so that what they ask for has a picture too.
    words = [*SHOWN[1:], SHOWN[0]]
    asked = [*sources[1:], sources[0]]

    def leaning(image_weight: float) -> float:
        total = 0.0
        for one, other, (_, _, prompt) in zip(sources, asked, words, strict=True):
            drawn = studio.draw(prompt, one, scale=1 - 0.45**image_weight, count=2)
            total += studio.similarity(drawn, one) - studio.similarity(drawn, other)
        return total / len(sources)

    little, much = leaning(0.25), leaning(3.0)
    assert much - little > 0.05


def test_other_seeds_are_other_variations(studio: Studio, sources: list[bytes]) -> None:
    first, second = studio.draw("", sources[0], count=2)
    assert first != second


def test_the_embedding_of_a_blend_lies_between_its_parents(
    studio: Studio, sources: list[bytes]
) -> None:
    parents = studio.look(sources[:2])
    apart = torch.cosine_similarity(parents[:1], parents[1:])
    assert (torch.cosine_similarity(parents, blend(parents, [1, 1])) > apart).all()


def test_a_drawn_blend_is_nearer_to_its_parents_than_to_other_pictures(
    studio: Studio, sources: list[bytes]
) -> None:
    seen = torch.nn.functional.normalize(studio.look(sources), dim=-1)
    nearer: list[bool] = []
    for one, other in itertools.combinations(range(len(sources)), 2):
        drawn = studio.look(studio.draw("", sources[one], sources[other], count=2))
        likeness = torch.nn.functional.normalize(drawn, dim=-1) @ seen.T
        strangers = [i for i in range(len(sources)) if i not in {one, other}]
        parents = likeness[:, [one, other]].amin(1)
        nearer += (parents > likeness[:, strangers].amax(1)).tolist()
    assert sum(nearer) >= 0.8 * len(nearer)


def test_several_of_a_kind_are_counted(studio: Studio) -> None:
    counted = []
    for number, things in (("three", "red hearts on a white"), ("two", "yellow stars on a blue")):
        for seed in range(4):
            drawn = studio.imagine(f"{number} {things} background", seed=seed)
            counted.append(number in studio.describe(drawn, seed=0).prompts[0].split())
    # Now and then two grow into each other where they touch.
    assert sum(counted) >= 7


@pytest.mark.parametrize("colour", ["white", "black", "red", "yellow"])
def test_four_things_are_said_of_a_picture_of_nothing(studio: Studio, colour: str) -> None:
    blank = io.BytesIO()
    Image.new("RGB", (128, 128), colour).save(blank, "PNG")
    prompts = studio.describe(blank.getvalue(), seed=0).prompts
    assert len(set(prompts)) == 4


def test_words_are_found_for_what_is_to_be_seen(studio: Studio, sources: list[bytes]) -> None:
    things, grounds = 0, 0
    for (thing, ground, _), png in zip(SHOWN, sources, strict=True):
        first, second = (studio.describe(png, seed=seed) for seed in (0, 1))
        assert len(set(first.prompts)) == 4
        assert first.prompts != second.prompts
        assert first.source == "Pocket's own vocabulary"
        assert first.width == first.height == 512
        things += thing in " ".join(first.prompts)
        grounds += ground in " ".join(first.prompts)
    # What it draws in few steps is not always what it was asked for.
    assert things >= len(SHOWN) / 2
    assert grounds >= len(SHOWN) / 2


def test_a_style_from_pictures_is_refused_in_one_sentence(
    studio: Studio, sources: list[bytes]
) -> None:
    sha256 = hashlib.sha256(sources[0]).hexdigest()
    request = TextToImage(
        model="pocket",
        prompt="a cat",
        height=128,
        width=128,
        seed=0,
        style_reference=ImageCondition(images=(WeightedImage(image=sha256),)),
    )
    item = WorkItem(job_id=1, fence=1, request=request, blobs={sha256: sources[0]})
    with pytest.raises(RequestError, match="style_reference: Pocket takes none from pictures"):
        studio.painter.draw(item, report=lambda *_: None, is_stopped=lambda: False)
