"""A model that can draw: a diffusers folder brought onto a device.

Components are loaded class by class and shared by identity: the refiner has the base model's second
text encoder, tokenizer and autoencoder. Nothing here uses `from_pipe`, which silently casts the
shared modules to float32 (diffusers issue 12754); nothing here reaches the network; and no pickle
is opened, whatever its name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from engine.devices import Device
from engine.models.adapters import Adapters
from engine.models.card import ModelCard
from engine.models.errors import ModelError
from engine.models.layout import has_weights, refiner_folder
from engine.models.preview import PreviewMap, load_preview
from engine.prompt_encoder import PromptEncoder

_PICKLED = ("*.bin", "*.ckpt", "*.pt", "*.pth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expert:
    """A UNet and the settings of its sampler."""

    unet: Any
    scheduler: Any
    """A template: every drawing makes its own from its configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model that can draw."""

    card: ModelCard
    device: Device
    prompt_encoder: PromptEncoder
    vae: Any
    base: Expert
    refiner: Expert | None
    adapters: Adapters
    preview: PreviewMap
    size_bytes: int
    """What it takes of the device's memory while nothing is drawn."""
    is_offloaded: bool
    """Too large for the device: every module waits in the machine's memory until it is needed."""

    @contextmanager
    def at_work(self, *modules: Any) -> Iterator[None]:
        """Have these modules on the device for a while."""
        self._move(modules, self.device.torch_device)
        try:
            yield
        finally:
            self._move(modules, torch.device("cpu"))

    def _move(self, modules: Sequence[Any], device: torch.device) -> None:
        if not self.is_offloaded:
            return
        # Weights that were moved in inference mode could never leave it.
        with torch.inference_mode(mode=False):
            for module in modules:
                module.to(device)


def load_model(
    card: ModelCard, folder: Path, device: Device, *, is_offloaded: bool = False
) -> LoadedModel:
    """Load a diffusers folder, with its refiner if the card has one. Raises ModelError.

    What diffusers and transformers raise for damaged files is left to the caller.
    """
    loader = _Loader(device=device, variant=card.variant or None, is_offloaded=is_offloaded)
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    tokenizer_2 = CLIPTokenizer.from_pretrained(folder / "tokenizer_2", local_files_only=True)
    text_encoder = loader.text(CLIPTextModel, folder / "text_encoder")
    text_encoder_2 = loader.text(CLIPTextModelWithProjection, folder / "text_encoder_2")
    # SDXL's configurations say 2, which makes pooling take the highest token id: wrong as soon as
    # a token is added behind the end token.
    text_encoder.eos_token_id = tokenizer.eos_token_id
    text_encoder_2.text_model.eos_token_id = tokenizer_2.eos_token_id
    vae = loader.vae(folder / "vae")
    base = loader.expert(folder)
    refiner = refiner_folder(folder)
    force_zeros = _force_zeros(folder, default=True)
    return LoadedModel(
        card=card,
        device=device,
        prompt_encoder=PromptEncoder(
            tokenizer=tokenizer,
            text_encoder=text_encoder,
            tokenizer_2=tokenizer_2,
            text_encoder_2=text_encoder_2,
            force_zeros_for_empty_prompt=force_zeros,
            refiner_force_zeros_for_empty_prompt=_force_zeros(refiner, default=force_zeros),
        ),
        vae=vae,
        base=base,
        refiner=loader.expert(refiner) if card.has_refiner else None,
        adapters=Adapters(
            {
                "vae": vae,
                "text_encoder": text_encoder,
                "text_encoder_2": text_encoder_2,
                "tokenizer": tokenizer,
                "tokenizer_2": tokenizer_2,
                "unet": base.unet,
                "scheduler": base.scheduler,
            }
        ),
        preview=load_preview(vae, folder),
        size_bytes=loader.size_bytes,
        is_offloaded=is_offloaded,
    )


class _Loader:
    """Loads components of one model onto one device, and counts their bytes."""

    def __init__(self, *, device: Device, variant: str | None, is_offloaded: bool) -> None:
        self._device = device
        self._variant = variant
        self._place_on = torch.device("cpu") if is_offloaded else device.torch_device
        self._is_offloaded = is_offloaded
        self.size_bytes = 0

    def text(self, kind: Any, folder: Path) -> Any:
        refuse_pickled(folder)
        model = kind.from_pretrained(
            folder,
            dtype=self._device.dtype,
            variant=self._variant,
            use_safetensors=True,
            local_files_only=True,
        )
        return self._place(model)

    def vae(self, folder: Path) -> Any:
        vae = self._diffusers(AutoencoderKL, folder)
        # SDXL's own autoencoder overflows in float16 and says so in its configuration.
        if vae.config.force_upcast and self._device.dtype == torch.float16:
            vae = vae.to(torch.float32)
        return vae

    def expert(self, folder: Path) -> Expert:
        return Expert(
            unet=self._diffusers(UNet2DConditionModel, folder / "unet"),
            scheduler=EulerDiscreteScheduler.from_pretrained(
                folder / "scheduler", local_files_only=True
            ),
        )

    def _diffusers(self, kind: Any, folder: Path) -> Any:
        refuse_pickled(folder)
        model = kind.from_pretrained(
            folder,
            torch_dtype=self._device.dtype,
            variant=self._variant,
            use_safetensors=True,
            local_files_only=True,
        )
        model = self._place(model)
        if self._device.torch_device.type == "cuda":
            model = model.to(memory_format=torch.channels_last)
        return model

    def _place(self, model: Any) -> Any:
        model = model.to(self._place_on).eval().requires_grad_(requires_grad=False)
        if not self._is_offloaded:
            tensors = model.state_dict().values()
            self.size_bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return model


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


def _force_zeros(folder: Path, *, default: bool) -> bool:
    """Return whether an absent negative prompt is zeros instead of the embeds of an empty text."""
    index = folder / "model_index.json"
    if not index.exists():
        return default
    flag = json.loads(index.read_text(encoding="utf-8")).get(
        "force_zeros_for_empty_prompt", default
    )
    return bool(flag)
