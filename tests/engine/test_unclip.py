"""Drawing from pictures with unCLIP: the stock pipeline is the oracle."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableUnCLIPImg2ImgPipeline
from PIL import Image

from engine.api import (
    ImageCondition,
    LoraWeight,
    RequestError,
    TextToImage,
    WeightedImage,
)
from engine.image_encoder import blend
from engine.models.catalog import Catalog
from engine.models.errors import ModelError
from engine.models.loading import LoadedModel, load_image_prompts, load_model
from engine.models.store import ModelStore
from engine.models.unclip import UnCLIP
from engine.pipelines.denoise import new_generators, noise_from
from engine.pipelines.image_conditions import check_images, noise_level_of
from tests.engine import conditions, tiny, tiny_images
from tests.engine.conditions import CAT, DOG, IMAGES, condition, draw

EMBEDDING_STREAM = 3 * 2**32


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unclip")
    tiny_images.build_unclip().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def stock(folder: Path) -> StableUnCLIPImg2ImgPipeline:
    pipeline = StableUnCLIPImg2ImgPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="module")
def model(folder: Path) -> LoadedModel:
    card = tiny_images.make_unclip_card(folder)
    return load_image_prompts(load_model(card, folder, tiny.cpu()), folder, None)


def make_request(**changes: Any) -> TextToImage:
    fields: dict[str, Any] = {"model": "unclip", "image_prompt": condition(CAT)}
    return conditions.make_request(**(fields | changes))


@pytest.mark.parametrize("guidance_scale", [1.0, 5.0], ids=["unguided", "guided"])
@pytest.mark.parametrize("scale", [1.0, 0.55, 0.1])
@pytest.mark.parametrize(
    ("prompt", "negative_prompt"), [("", ""), ("a red cat", ""), ("a cat", "a dog")]
)
def test_a_variation_is_what_the_stock_pipeline_draws(
    model: LoadedModel,
    stock: StableUnCLIPImg2ImgPipeline,
    prompt: str,
    negative_prompt: str,
    scale: float,
    guidance_scale: float,
) -> None:
    request = make_request(
        prompt=prompt,
        negative_prompt=negative_prompt,
        guidance_scale=guidance_scale,
        image_prompt=condition(CAT, scale=scale),
    )
    stock.scheduler.set_timesteps(3)
    start = noise_from(new_generators([7]), height=tiny.SIZE, width=tiny.SIZE)
    expected = stock(
        image=IMAGES[CAT],
        prompt=prompt,
        negative_prompt=negative_prompt or None,
        height=tiny.SIZE,
        width=tiny.SIZE,
        num_inference_steps=3,
        guidance_scale=guidance_scale,
        noise_level=noise_level_of(scale),
        # The embedding's noise is a stream of its own here, and the latents' is the seed's. Given
        # latents, this pipeline alone does not scale them.
        generator=torch.Generator("cpu").manual_seed(7 + EMBEDDING_STREAM),
        latents=start * stock.scheduler.init_noise_sigma,
        output_type="pt",
    ).images
    assert torch.allclose(draw(model, request), expected, atol=2e-5)


def test_the_pictures_of_a_batch_are_those_drawn_alone(model: LoadedModel) -> None:
    request = make_request(image_prompt=condition(CAT, scale=0.5))
    together = draw(model, request, 3, 4, 5)
    for picture, seed in zip(together, (3, 4, 5), strict=True):
        assert torch.allclose(picture, draw(model, request, seed)[0], atol=2e-5)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_every_picture_of_a_batch_has_noise_of_its_own_on_the_embedding(
    model: LoadedModel,
) -> None:
    unclip = model.image_prompts
    assert isinstance(unclip, UnCLIP)
    embeds = unclip.image_encoder.image_embeds(IMAGES[CAT])
    labels = unclip.class_labels(embeds, torch.randn(2, embeds.shape[-1]), 500)
    assert labels.shape == (2, 2 * tiny_images.PROJECTION_WIDTH)
    noised, amount = labels.chunk(2, dim=1)
    assert not torch.equal(noised[0], noised[1])
    assert torch.equal(amount[0], amount[1])


def test_less_noise_is_left_on_an_embedding_that_counts_more() -> None:
    levels = [noise_level_of(scale) for scale in (1.0, 0.91, 0.8, 0.55, 0.33, 0.18, 1e-9)]
    assert levels == [0, 194, 295, 468, 610, 721, 999]


def test_pictures_of_a_prompt_are_blended_before_anything_else(model: LoadedModel) -> None:
    both = draw(model, make_request(image_prompt=condition(CAT, DOG)))
    mostly_cat = ImageCondition(
        images=(WeightedImage(image=CAT, weight=100), WeightedImage(image=DOG)), scale=1.0
    )
    nearly = draw(model, make_request(image_prompt=mostly_cat))
    cat = draw(model, make_request(image_prompt=condition(CAT)))
    assert (nearly - cat).norm() < (both - cat).norm()


def test_a_model_that_draws_from_pictures_only_asks_for_one(model: LoadedModel) -> None:
    with pytest.raises(RequestError, match="Tiny unCLIP draws from pictures; give it one"):
        check_images(model, make_request(image_prompt=None))


@pytest.mark.parametrize("field", ["style_reference", "character_reference"])
def test_unclip_takes_neither_style_nor_character(model: LoadedModel, field: str) -> None:
    with pytest.raises(RequestError, match=f"{field}: Tiny unCLIP takes none from pictures"):
        check_images(model, make_request(**{field: condition(DOG)}))


def test_a_blend_keeps_the_length_of_its_parents() -> None:
    parents = torch.randn(3, 64) * torch.tensor([[1.0], [4.0], [9.0]])
    between = blend(parents, [1, 1, 2])
    assert between.norm().item() == pytest.approx(
        sum(w * p.norm().item() for w, p in zip((0.25, 0.25, 0.5), parents, strict=True)), rel=1e-5
    )


def test_a_blend_lies_between_its_parents() -> None:
    parents = torch.randn(2, 64)

    def cosines(weight: float) -> list[float]:
        between = blend(parents, [weight, 1 - weight])
        return [torch.cosine_similarity(between, one[None]).item() for one in parents]

    apart = torch.cosine_similarity(parents[:1], parents[1:]).item()
    first, second = cosines(0.5)
    assert first == pytest.approx(second, abs=1e-5)
    assert first > apart
    assert [cosines(weight)[0] for weight in (0.1, 0.3, 0.5, 0.7, 0.9)] == sorted(
        cosines(weight)[0] for weight in (0.1, 0.3, 0.5, 0.7, 0.9)
    )


def test_an_unclip_decoder_beside_an_sdxl_model_draws_with_its_text_and_refiner(
    tmp_path: Path,
) -> None:
    base = tiny.write_model(tmp_path)
    tiny_images.write_unclip_beside(base)
    card = tiny.make_card(base, has_unclip=True)
    plain = load_model(card, base, tiny.cpu())
    model = load_image_prompts(plain, base, None)
    request = make_request(model="tiny", denoising_end=0.6, num_inference_steps=5)
    drawn = draw(model, request)
    assert not torch.allclose(drawn, draw(model, make_request(model="tiny", prompt="a dog")))
    # Without a picture it is the same model as before.
    words = make_request(model="tiny", image_prompt=None)
    assert torch.equal(draw(model, words), draw(plain, words))
    with pytest.raises(RequestError, match="without LoRAs"):
        check_images(model, make_request(loras=(LoraWeight(name="x", weight=1.0),)))


def test_the_same_pixels_are_looked_at_once(model: LoadedModel) -> None:
    unclip = model.image_prompts
    assert isinstance(unclip, UnCLIP)
    looks = []
    hook = unclip.image_encoder.model.register_forward_hook(lambda *_: looks.append(1))
    image = tiny_images.noise_image(99)
    first = unclip.image_encoder.image_embeds(image)
    again = unclip.image_encoder.image_embeds(Image.frombytes("RGB", image.size, image.tobytes()))
    other = unclip.image_encoder.image_embeds(tiny_images.noise_image(98))
    hook.remove()
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len(looks) == 2


@pytest.mark.parametrize("size", [(48, 40), (40, 48), (32, 32), (200, 33), (33, 300), (20, 20)])
def test_a_picture_is_prepared_as_the_stock_processor_does(
    model: LoadedModel, stock: StableUnCLIPImg2ImgPipeline, size: tuple[int, int]
) -> None:
    unclip = model.image_prompts
    assert isinstance(unclip, UnCLIP)
    image = tiny_images.noise_image(5, *size)
    expected = stock.feature_extractor(images=image, return_tensors="pt").pixel_values
    assert torch.allclose(unclip.image_encoder._preprocessing(image), expected, atol=1e-5)


def test_a_model_that_fits_without_its_images_only_waits_beside_the_device_with_them(
    tmp_path: Path,
) -> None:
    base = tiny.write_model(tmp_path)
    tiny_images.write_unclip_beside(base)
    card = tiny.make_card(base, has_unclip=True)
    gpu = dataclasses.replace(tiny.cpu(), count=1)
    size = load_model(card, base, tiny.cpu()).size_bytes
    store = ModelStore(
        catalog=Catalog([card]), models_dir=tmp_path, device=gpu, budget_bytes=int(size * 1.05)
    )
    assert not store.get("tiny").is_offloaded
    with_images = store.get("tiny", images=True)
    assert with_images.is_offloaded
    assert store.get("tiny") is with_images
    request = make_request(model="tiny")
    roomy = load_image_prompts(load_model(card, base, tiny.cpu()), base, None)
    assert torch.equal(draw(with_images, request), draw(roomy, request))


def test_a_model_whose_decoder_is_damaged_still_draws_from_words(tmp_path: Path) -> None:
    base = tiny.write_model(tmp_path)
    tiny_images.write_unclip_beside(base)
    card = tiny.make_card(base, has_unclip=True)
    store = ModelStore(
        catalog=Catalog([card]), models_dir=tmp_path, device=tiny.cpu(), budget_bytes=2**30
    )
    for file in (tmp_path / "unclip" / "unet").glob("*.safetensors"):
        file.write_bytes(b"not safetensors at all")
    with pytest.raises(ModelError, match="cannot be loaded"):
        store.get("tiny", images=True)
    assert store.get("tiny").image_prompts is None


def test_a_model_without_anything_for_pictures_says_so(tiny_folder: Path) -> None:
    store = ModelStore(
        catalog=Catalog([tiny.make_card(tiny_folder)]),
        models_dir=tiny_folder,
        device=tiny.cpu(),
        budget_bytes=2**30,
    )
    with pytest.raises(ModelError, match="Tiny does not draw from pictures on this machine"):
        store.get("tiny", images=True)
    assert store.loaded == {"tiny"}
