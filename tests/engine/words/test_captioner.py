"""A captioning model: what it writes is what transformers' own pieces write."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import AutoTokenizer, BlipForConditionalGeneration, BlipImageProcessorPil

from engine.api import Describe, Described, RequestError
from engine.models.captioner import MAX_NEW_TOKENS, Captioner
from engine.models.catalog import Catalog
from engine.models.errors import ModelError
from engine.models.store import ModelStore
from engine.words import Reader
from tests.engine import tiny, tiny_images


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> ModelStore:
    card = tiny_images.write_blip(tmp_path_factory.mktemp("blip") / "blip")
    return ModelStore(
        catalog=Catalog([tiny.make_card(tiny_folder), card]),
        models_dir=tiny_folder,
        device=tiny.cpu(),
        budget_bytes=2**30,
    )


@pytest.fixture(scope="module")
def captioner(store: ModelStore) -> Captioner:
    return store.captioner("blip")


def test_the_first_caption_is_the_one_that_transformers_finds(
    captioner: Captioner, store: ModelStore
) -> None:
    folder = store.catalog["blip"].base
    image = tiny_images.noise_image(3)
    processor = BlipImageProcessorPil.from_pretrained(folder)
    pixels = processor(images=image, return_tensors="pt").pixel_values
    assert torch.allclose(captioner._pixels(image), pixels, atol=1e-5)
    model = BlipForConditionalGeneration.from_pretrained(folder).eval()
    ids = model.generate(pixel_values=pixels, num_beams=4, max_new_tokens=MAX_NEW_TOKENS)
    (expected,) = AutoTokenizer.from_pretrained(folder).batch_decode(ids, skip_special_tokens=True)
    assert captioner.describe(image, seed=0)[0] == " ".join(expected.split())


def test_a_seed_means_the_same_captions_and_another_seed_others(captioner: Captioner) -> None:
    image = tiny_images.noise_image(3)
    state = torch.random.get_rng_state()
    first, again, other = (captioner.describe(image, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(state, torch.random.get_rng_state())
    assert first == again
    assert first[0] == other[0]
    assert first[1:] != other[1:]
    assert len(set(first)) == len(first) == 4


def test_a_picture_is_answered_with_prompts_and_its_size(store: ModelStore) -> None:
    out = io.BytesIO()
    tiny_images.noise_image(4, 60, 40).save(out, "PNG")
    sha256 = hashlib.sha256(out.getvalue()).hexdigest()
    reading = Reader(store).read(Describe(model="blip", image=sha256), {sha256: out.getvalue()})
    assert isinstance(reading.answer, Described)
    assert (reading.answer.width, reading.answer.height) == (60, 40)
    assert reading.answer.source == "BLIP"
    assert len(reading.answer.prompts) == 4
    assert set(reading.timings) == {"load", "read", "total"}


@pytest.mark.parametrize("blobs", [{}, {"a" * 64: b"another picture"}], ids=["none", "damaged"])
def test_a_picture_that_did_not_come_is_refused(store: ModelStore, blobs: dict[str, bytes]) -> None:
    with pytest.raises(RequestError, match="image: did not come"):
        Reader(store).read(Describe(model="blip", image="a" * 64), blobs)


def test_a_model_without_words_for_pictures_says_so(store: ModelStore) -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    sha256 = hashlib.sha256(out.getvalue()).hexdigest()
    with pytest.raises(RequestError, match="model: Tiny has no words for pictures"):
        Reader(store).read(Describe(model="tiny", image=sha256), {sha256: out.getvalue()})


def test_a_captioner_does_not_draw_and_a_model_that_draws_does_not_write(
    store: ModelStore,
) -> None:
    with pytest.raises(ModelError, match="BLIP is not made for this"):
        store.get("blip")
    with pytest.raises(ModelError, match="Tiny is not made for this"):
        store.captioner("tiny")


def test_a_captioner_leaves_before_any_model_that_draws(store: ModelStore) -> None:
    store.get("tiny")
    store.captioner("blip")
    assert store.evict_others("tiny")
    assert not store.evict_others("tiny")
    assert store.loaded == {"tiny"}
