"""Drawing from pictures with IP-Adapter on SDXL: the stock pipeline is the oracle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionXLPipeline

from engine.api import RequestError
from engine.image_encoder import blend
from engine.models.card import ImageUse
from engine.models.catalog import Catalog
from engine.models.errors import ModelError
from engine.models.ip_adapter import STYLE_BLOCK, IPAdapter
from engine.models.loading import LoadedModel
from engine.models.store import ModelStore
from engine.pipelines.image_conditions import check_images
from tests.engine import tiny, tiny_images
from tests.engine.conditions import CAT, DOG, IMAGES, condition, draw, make_request

INSTANT_STYLE = {"up": {"block_0": [0.0, 1.0, 0.0]}}
"""The style blocks as the paper's own code gives them to diffusers."""


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "plus"])
def is_plus(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path, is_plus: bool) -> ModelStore:
    folder = tmp_path_factory.mktemp("ip") / "adapter"
    unet = StableDiffusionXLPipeline.from_pretrained(tiny_folder, add_watermarker=False).unet
    adapter = tiny_images.write_ip_adapter(folder, unet, is_plus=is_plus)
    card = tiny.make_card(tiny_folder, image_models=("adapter",))
    return ModelStore(
        catalog=Catalog([card, adapter]),
        models_dir=folder,
        device=tiny.cpu(),
        budget_bytes=2**30,
    )


@pytest.fixture(scope="module")
def model(store: ModelStore) -> LoadedModel:
    return store.get("tiny", images=True)


@pytest.fixture(scope="module")
def stock(store: ModelStore, tiny_folder: Path) -> StableDiffusionXLPipeline:
    """Two adapters, as the stock pipeline takes them: pictures and characters."""
    pipeline = StableDiffusionXLPipeline.from_pretrained(tiny_folder, add_watermarker=False)
    card = store.catalog["adapter"]
    pipeline.load_ip_adapter(
        card.base,
        subfolder="",
        weight_name=[*card.weight_names],
        image_encoder_folder="./image_encoder",
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw_stock(
    stock: StableDiffusionXLPipeline, guidance_scale: float, scales: list[Any], **images: Any
) -> torch.Tensor:
    stock.set_ip_adapter_scale(scales)
    pictures: torch.Tensor = stock(
        "a cat",
        height=tiny.SIZE,
        width=tiny.SIZE,
        num_inference_steps=3,
        guidance_scale=guidance_scale,
        generator=torch.Generator("cpu").manual_seed(7),
        output_type="pt",
        **images,
    ).images
    return pictures


@pytest.mark.parametrize("guidance_scale", [1.0, 5.0], ids=["unguided", "guided"])
def test_pictures_in_the_prompt_draw_what_the_stock_pipeline_draws(
    model: LoadedModel, stock: StableDiffusionXLPipeline, guidance_scale: float
) -> None:
    images = [IMAGES[CAT], IMAGES[DOG]]
    expected = draw_stock(stock, guidance_scale, [0.6, 0.0], ip_adapter_image=images)
    request = make_request(image_prompt=condition(CAT, scale=0.6), guidance_scale=guidance_scale)
    assert torch.allclose(draw(model, request), expected, atol=2e-5)


def test_a_character_has_an_adapter_of_its_own(
    model: LoadedModel, stock: StableDiffusionXLPipeline
) -> None:
    images = [IMAGES[CAT], IMAGES[DOG]]
    expected = draw_stock(stock, 5.0, [0.3, 0.8], ip_adapter_image=images)
    request = make_request(
        image_prompt=condition(CAT, scale=0.3), character_reference=condition(DOG, scale=0.8)
    )
    assert torch.allclose(draw(model, request), expected, atol=2e-5)


def test_a_style_is_read_in_the_style_blocks_only(
    model: LoadedModel, stock: StableDiffusionXLPipeline
) -> None:
    images = [IMAGES[CAT], IMAGES[DOG]]
    expected = draw_stock(stock, 5.0, [INSTANT_STYLE, 0.0], ip_adapter_image=images)
    styled = draw(model, make_request(style_reference=condition(CAT, scale=1.0)))
    assert torch.allclose(styled, expected, atol=2e-5)
    assert not torch.allclose(
        styled, draw(model, make_request(image_prompt=condition(CAT, scale=1.0))), atol=1e-3
    )


def test_style_and_contents_may_come_from_two_pictures(model: LoadedModel) -> None:
    both = make_request(
        image_prompt=condition(CAT, scale=0.6), style_reference=condition(DOG, scale=1.0)
    )
    contents, style = (
        make_request(image_prompt=condition(CAT, scale=0.6)),
        make_request(style_reference=condition(DOG, scale=1.0)),
    )
    drawn = draw(model, both)
    assert not torch.allclose(drawn, draw(model, contents), atol=1e-3)
    assert not torch.allclose(drawn, draw(model, style), atol=1e-3)


def test_an_adapter_without_a_picture_changes_nothing(
    model: LoadedModel, tiny_model: LoadedModel
) -> None:
    draw(model, make_request(image_prompt=condition(CAT, scale=0.6)))
    words = make_request(denoising_end=0.6, num_inference_steps=5)
    assert torch.equal(draw(model, words, 1, 2), draw(tiny_model, words, 1, 2))


def test_the_pictures_of_a_batch_are_those_drawn_alone(model: LoadedModel) -> None:
    request = make_request(image_prompt=condition(CAT, scale=0.6))
    together = draw(model, request, 3, 4)
    for picture, seed in zip(together, (3, 4), strict=True):
        assert torch.allclose(picture, draw(model, request, seed)[0], atol=2e-5)


def test_a_blend_is_drawn_from_the_blended_embedding(
    model: LoadedModel, stock: StableDiffusionXLPipeline, is_plus: bool
) -> None:
    adapter = model.image_prompts
    assert isinstance(adapter, IPAdapter)
    encoder = adapter.image_encoder
    read = encoder.hidden_states if is_plus else encoder.image_embeds
    between = blend(torch.cat([read(IMAGES[CAT]), read(IMAGES[DOG])]), [1, 1])[None]
    embeds = torch.cat([adapter.nothing()[None], between])
    expected = draw_stock(stock, 5.0, [0.6, 0.0], ip_adapter_image_embeds=[embeds, embeds])
    request = make_request(image_prompt=condition(CAT, DOG, scale=0.6))
    assert torch.allclose(draw(model, request), expected, atol=2e-5)


def test_the_style_slot_costs_no_memory(model: LoadedModel) -> None:
    adapter = model.image_prompts
    assert isinstance(adapter, IPAdapter)
    assert set(adapter.slots) == set(ImageUse)
    layers = adapter.unet.encoder_hid_proj.image_projection_layers
    assert layers[adapter.slots[ImageUse.STYLE]] is layers[adapter.slots[ImageUse.PROMPT]]


def test_a_tiny_model_has_the_style_blocks_that_the_full_one_has(model: LoadedModel) -> None:
    assert any(name.startswith(STYLE_BLOCK) for name in model.base.unet.attn_processors)


def test_a_model_whose_adapter_is_gone_says_so(tiny_model: LoadedModel) -> None:
    request = make_request(style_reference=condition(CAT, scale=0.6))
    with pytest.raises(RequestError, match="style_reference: Tiny takes none from pictures"):
        check_images(tiny_model, request)


def test_an_adapter_that_is_pulled_later_is_found_by_a_model_in_memory(
    tmp_path: Path, tiny_folder: Path
) -> None:
    unet = StableDiffusionXLPipeline.from_pretrained(tiny_folder, add_watermarker=False).unet
    adapter = tiny_images.write_ip_adapter(tmp_path / "adapter", unet, is_plus=False)
    (tmp_path / "adapter").rename(tmp_path / "away")
    card = tiny.make_card(tiny_folder, image_models=("adapter",))
    store = ModelStore(
        catalog=Catalog([card, adapter]),
        models_dir=tmp_path,
        device=tiny.cpu(),
        budget_bytes=2**30,
    )
    assert store.get("tiny").image_prompts is None
    with pytest.raises(ModelError, match="does not draw from pictures on this machine"):
        store.get("tiny", images=True)
    (tmp_path / "away").rename(tmp_path / "adapter")
    assert isinstance(store.get("tiny", images=True).image_prompts, IPAdapter)


def test_an_adapter_counts_in_the_size_of_its_model(
    model: LoadedModel, tiny_model: LoadedModel
) -> None:
    adapter = model.image_prompts
    assert isinstance(adapter, IPAdapter)
    encoder = sum(weight.numel() for weight in adapter.image_encoder.model.parameters())
    projections = sum(weight.numel() for weight in adapter.unet.encoder_hid_proj.parameters())
    assert model.size_bytes - tiny_model.size_bytes >= 4 * (encoder + projections)
