"""Previews without an autoencoder: a linear map from latents to colours, fitted to each model.

The map is found by least squares, once for each autoencoder, on pictures that are drawn here: their
latents against what the autoencoder itself decodes from these, averaged over 8 x 8 pixels. It costs
12 numbers and 3 biases, and lies beside the model as `preview.json`.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from PIL import Image, ImageDraw
from torch.nn import functional

from engine.models.latents import scale_latents

logger = logging.getLogger(__name__)

FILE_NAME = "preview.json"
PICTURES = 24
PICTURE_SIZE = 128
SHAPES = 7


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    """`preview.json`."""

    vae: str
    """sha256 of the weights that the map was fitted to."""
    weight: list[list[float]]
    bias: list[float]


@dataclass(frozen=True, slots=True)
class PreviewMap:
    """Colours = latents x weight + bias, in -1 to 1."""

    weight: torch.Tensor
    """(4, 3), float32, on the CPU."""
    bias: torch.Tensor
    """(3,), float32, on the CPU."""

    def to_images(self, latents: torch.Tensor) -> list[Image.Image]:
        """Return one rough picture for each of `latents` (B, 4, H/8, W/8), scaled."""
        rgb = self(latents.float().cpu())
        pixels = ((rgb / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        return [Image.fromarray(picture.permute(1, 2, 0).numpy()) for picture in pixels]

    def __call__(self, latents: torch.Tensor) -> torch.Tensor:
        """Map `latents` (B, 4, h, w), float32, to colours (B, 3, h, w) of about -1 to 1."""
        return torch.einsum("bchw,cr->brhw", latents, self.weight) + self.bias[:, None, None]


def load_preview(vae: Any, folder: Path) -> PreviewMap:
    """Return the map of the model in `folder`: the stored one, or a fresh one, which is stored."""
    file = folder / FILE_NAME
    digest = _digest(folder / "vae")
    try:
        stored = msgspec.json.decode(file.read_bytes(), type=_Stored)
    except (OSError, msgspec.MsgspecError):
        stored = None
    if stored is not None and stored.vae == digest:
        return PreviewMap(torch.tensor(stored.weight), torch.tensor(stored.bias))
    preview = fit_preview(vae)
    _store(file, preview, digest)
    return preview


def _store(file: Path, preview: PreviewMap, digest: str) -> None:
    rounded = {
        "vae": digest,
        "weight": [[round(value, 5) for value in row] for row in preview.weight.tolist()],
        "bias": [round(value, 5) for value in preview.bias.tolist()],
    }
    try:
        file.write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        # A read-only folder costs a fit at each start, nothing else.
        logger.info("the preview map is not kept: %s", error)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


@torch.inference_mode()
def fit_preview(vae: Any) -> PreviewMap:
    """Fit the map to an autoencoder."""
    generator = torch.Generator("cpu").manual_seed(0)
    inputs, targets = [], []
    for _ in range(PICTURES):
        picture = draw_picture(generator).to(vae.device, vae.dtype)
        latents = vae.encode(picture).latent_dist.mean
        colours = functional.avg_pool2d(vae.decode(latents, return_dict=False)[0], 8)
        inputs.append(scale_latents(vae, latents).float().cpu())
        targets.append(colours.float().cpu().clamp(-1, 1))
    features = torch.cat(inputs).permute(0, 2, 3, 1).reshape(-1, 4)
    features = torch.cat([features, torch.ones(len(features), 1)], dim=1)
    colours = torch.cat(targets).permute(0, 2, 3, 1).reshape(-1, 3)
    solution = torch.linalg.lstsq(features.double(), colours.double()).solution.float()
    return PreviewMap(solution[:4], solution[4])


def draw_picture(generator: torch.Generator) -> torch.Tensor:
    """Draw shapes in random colours on a random gradient: (1, 3, 128, 128), float32, -1 to 1."""

    def random(count: int) -> list[float]:
        return torch.rand(count, generator=generator).tolist()

    corners = torch.rand(1, 3, 2, 2, generator=generator)
    gradient = functional.interpolate(corners, size=PICTURE_SIZE, mode="bilinear")
    pixels = (gradient[0].permute(1, 2, 0) * 255).to(torch.uint8)
    picture = Image.fromarray(pixels.numpy())
    pen = ImageDraw.Draw(picture)
    for index in range(SHAPES):
        x, y, width, height = (PICTURE_SIZE * share for share in random(4))
        colour = tuple(round(255 * share) for share in random(3))
        draw = pen.ellipse if index % 2 else pen.rectangle
        draw((x - width / 3, y - height / 3, x + width / 3, y + height / 3), fill=colour)
    values = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    shaped = values.view(PICTURE_SIZE, PICTURE_SIZE, 3).permute(2, 0, 1).unsqueeze(0)
    return shaped.float() / 127.5 - 1
