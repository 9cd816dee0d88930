from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from engine.models import preview
from engine.models.catalog import Catalog
from engine.models.latents import scale_latents, unscale_latents
from engine.models.layout import POCKET_WEIGHTS
from engine.models.loading import LoadedModel, load_model
from tests.engine import tiny


@pytest.fixture
def copy(tmp_path: Path, tiny_folder: Path) -> Path:
    shutil.copytree(tiny_folder.parent, tmp_path / "model")
    return tmp_path / "model" / "base"


@torch.inference_mode()
def correlation(model: LoadedModel) -> float:
    """How well previews of new pictures agree with what the autoencoder makes of these."""
    generator = torch.Generator("cpu").manual_seed(99)
    rough, decoded = [], []
    for _ in range(4):
        picture = preview.draw_picture(generator)
        latents = model.vae.encode(picture).latent_dist.mean
        rough.append(model.preview(scale_latents(model.vae, latents)).flatten())
        pixels = model.vae.decode(latents, return_dict=False)[0]
        decoded.append(functional.avg_pool2d(pixels, 8).flatten())
    return float(np.corrcoef(torch.cat(rough), torch.cat(decoded))[0, 1])


def test_a_preview_of_the_pocket_model_looks_like_the_decoded_picture() -> None:
    model = load_model(Catalog.load()["pocket"], POCKET_WEIGHTS, tiny.cpu())
    assert correlation(model) > 0.8


def test_even_a_random_autoencoder_is_followed_a_little(tiny_model: LoadedModel) -> None:
    assert correlation(tiny_model) > 0.2


def test_previews_are_small_rgb_pictures(tiny_model: LoadedModel) -> None:
    images = tiny_model.preview.to_images(torch.randn(3, 4, 6, 9))
    assert [(image.mode, image.size) for image in images] == [("RGB", (9, 6))] * 3


def test_the_map_is_fitted_once_and_kept_beside_the_model(copy: Path) -> None:
    file = copy / "preview.json"
    file.unlink(missing_ok=True)
    fitted = tiny.load(copy).preview
    written = file.stat().st_mtime_ns
    again = tiny.load(copy).preview
    assert file.stat().st_mtime_ns == written
    assert torch.allclose(fitted.weight, again.weight, atol=1e-5)
    assert torch.allclose(fitted.bias, again.bias, atol=1e-5)


@pytest.mark.parametrize("content", ["{", "{}", '{"vae": "another", "weight": [], "bias": []}'])
def test_a_map_of_another_autoencoder_is_fitted_anew(copy: Path, content: str) -> None:
    (copy / "preview.json").write_text(content, encoding="utf-8")
    assert tiny.load(copy).preview.weight.shape == (4, 3)
    assert (copy / "preview.json").read_text(encoding="utf-8") != content


def test_a_map_is_three_numbers_for_each_latent_channel(tiny_model: LoadedModel) -> None:
    rgb = tiny_model.preview(torch.zeros(1, 4, 2, 2))
    assert torch.equal(rgb, tiny_model.preview.bias.view(1, 3, 1, 1).expand(1, 3, 2, 2))


def test_the_pocket_models_map_is_shipped() -> None:
    shipped = POCKET_WEIGHTS / "preview.json"
    assert shipped.exists()


@pytest.mark.parametrize("statistics", [None, [0.5, -1.0, 2.0, 0.0]])
def test_scaling_latents_is_undone_by_unscaling_them(statistics: list[float] | None) -> None:
    vae = tiny.build_vae()
    vae.register_to_config(latents_mean=statistics, latents_std=statistics and [1.0, 2.0, 3.0, 4.0])
    latents = torch.randn(2, 4, 3, 3)
    scaled = scale_latents(vae, latents)
    assert not torch.allclose(scaled, latents)
    assert torch.allclose(unscale_latents(vae, scaled), latents, atol=1e-6)
