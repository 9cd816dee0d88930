"""The parts of a model, brought from files onto a device, class by class.

Nothing here reaches the network, and no pickle is opened, whatever its name. Raises ModelError.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from transformers import CLIPVisionModelWithProjection

from engine.devices import Device
from engine.image_encoder import ImageEncoder, Preprocessing
from engine.models.errors import ModelError
from engine.models.layout import has_weights

_PICKLED = ("*.bin", "*.ckpt", "*.pt", "*.pth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expert:
    """A UNet and the settings of its sampler."""

    unet: Any
    scheduler: Any
    """A template: every drawing makes its own from its configuration."""


class ComponentLoader:
    """Loads components of one model onto one device, and counts their bytes."""

    def __init__(self, *, device: Device, variant: str | None, is_offloaded: bool) -> None:
        self.variant = variant
        self._device = device
        self._place_on = torch.device("cpu") if is_offloaded else device.torch_device
        self._is_offloaded = is_offloaded
        self.size_bytes = 0

    def transformers(self, kind: Any, folder: Path) -> Any:
        """Load a component that is a class of transformers."""
        refuse_pickled(folder)
        model = kind.from_pretrained(
            folder,
            dtype=self._device.dtype,
            variant=self.variant,
            use_safetensors=True,
            local_files_only=True,
        )
        return self.place(model)

    def image_encoder(self, folder: Path, preprocessor: Path) -> ImageEncoder:
        """Load CLIP's image tower; `preprocessor` is a file that may be absent."""
        model = self.transformers(CLIPVisionModelWithProjection, folder)
        preprocessing = Preprocessing.read(preprocessor, image_size=model.config.image_size)
        return ImageEncoder(model, preprocessing)

    def vae(self, folder: Path) -> Any:
        """Load an autoencoder."""
        vae = self.diffusers(AutoencoderKL, folder)
        # SDXL's own autoencoder overflows in float16 and says so in its configuration.
        if vae.config.force_upcast and self._device.dtype == torch.float16:
            vae = vae.to(torch.float32)
        return vae

    def expert(self, folder: Path) -> Expert:
        """Load the UNet of a pipeline, and the settings of its sampler."""
        return Expert(
            unet=self.diffusers(UNet2DConditionModel, folder / "unet"),
            scheduler=EulerDiscreteScheduler.from_pretrained(
                folder / "scheduler", local_files_only=True
            ),
        )

    def diffusers(self, kind: Any, folder: Path) -> Any:
        """Load a component that is a class of diffusers."""
        refuse_pickled(folder)
        model = kind.from_pretrained(
            folder,
            torch_dtype=self._device.dtype,
            variant=self.variant,
            use_safetensors=True,
            local_files_only=True,
        )
        model = self.place(model)
        if self._device.torch_device.type == "cuda":
            model = model.to(memory_format=torch.channels_last)
        return model

    def place(self, model: Any) -> Any:
        """Bring a module onto the device, ready to be used."""
        model = model.to(self._place_on).eval().requires_grad_(requires_grad=False)
        tensors = model.state_dict().values()
        self.count(sum(tensor.numel() * tensor.element_size() for tensor in tensors))
        return model

    def count(self, size_bytes: int) -> None:
        """Add to what the model takes of the device while nothing is drawn."""
        if not self._is_offloaded:
            self.size_bytes += size_bytes


def refuse_pickled(folder: Path) -> None:
    """Refuse weights that would run code when they are opened."""
    if has_weights(folder):
        return
    for pattern in _PICKLED:
        for file in folder.glob(pattern):
            raise ModelError(
                f"{file} is a pickle, which can run any code when it is opened. Easel loads"
                " safetensors only: save the model again with `safe_serialization=True`."
            )
