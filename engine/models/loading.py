"""A model that can draw: a diffusers folder brought onto a device.

Components are shared by identity: the refiner has the base model's second text encoder, tokenizer
and autoencoder, and what draws from pictures has the same. Nothing here uses `from_pipe`, which
silently casts the shared modules to float32 (diffusers issue 12754).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from engine.devices import Device
from engine.models.adapters import Adapters
from engine.models.card import ModelCard, ModelKind
from engine.models.components import ComponentLoader, Expert
from engine.models.errors import ModelError
from engine.models.ip_adapter import IPAdapter, load_ip_adapter
from engine.models.layout import refiner_folder, unclip_folder
from engine.models.preview import PreviewMap, load_preview
from engine.models.unclip import UnCLIP, load_unclip
from engine.prompt_encoder import PromptEncoder, Tower


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
    image_prompts: UnCLIP | IPAdapter | None = None
    """What makes it draw from pictures, once a request has asked for that."""
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
    loader = _loader(card, device, is_offloaded=is_offloaded)
    vae = loader.vae(folder / "vae")
    base = loader.expert(folder)
    prompt_encoder = _load_prompt_encoder(loader, card, folder)
    return LoadedModel(
        card=card,
        device=device,
        prompt_encoder=prompt_encoder,
        vae=vae,
        base=base,
        refiner=loader.expert(refiner_folder(folder)) if card.has_refiner else None,
        adapters=Adapters(
            {
                "vae": vae,
                **_text_components(prompt_encoder),
                "unet": base.unet,
                "scheduler": base.scheduler,
            }
        ),
        preview=load_preview(vae, folder),
        size_bytes=loader.size_bytes,
        is_offloaded=is_offloaded,
    )


def load_image_prompts(
    model: LoadedModel, folder: Path, adapter: tuple[ModelCard, Path] | None
) -> LoadedModel:
    """Return the model with what makes it draw from pictures. Raises ModelError.

    `folder` is the model's own, `adapter` an IP-Adapter's card and folder. An adapter becomes part
    of the model's UNet.
    """
    loader = _loader(model.card, model.device, is_offloaded=model.is_offloaded)
    image_prompts: UnCLIP | IPAdapter
    if model.card.kind is ModelKind.UNCLIP:
        image_prompts = load_unclip(loader, folder, model.prompt_encoder, expert=model.base)
    elif model.card.has_unclip:
        image_prompts = load_unclip(
            loader, unclip_folder(folder), model.prompt_encoder.for_unclip()
        )
    elif adapter is not None:
        card, adapter_folder = adapter
        loader = _loader(card, model.device, is_offloaded=model.is_offloaded)
        image_prompts = load_ip_adapter(loader, card, adapter_folder, model.base.unet)
    else:
        raise ModelError(
            f"{model.card.title} does not draw from pictures. Say it in words instead."
        )
    return replace(
        model, image_prompts=image_prompts, size_bytes=model.size_bytes + loader.size_bytes
    )


def _loader(card: ModelCard, device: Device, *, is_offloaded: bool) -> ComponentLoader:
    return ComponentLoader(device=device, variant=card.variant or None, is_offloaded=is_offloaded)


def _text_components(prompt_encoder: PromptEncoder) -> dict[str, Any]:
    """Return the text encoders and tokenizers under their names in a pipeline."""
    components = {}
    for tower, number in zip(prompt_encoder.base, ("", "_2"), strict=False):
        components[f"text_encoder{number}"] = tower.text_encoder
        components[f"tokenizer{number}"] = tower.tokenizer
    return components


def _load_prompt_encoder(loader: ComponentLoader, card: ModelCard, folder: Path) -> PromptEncoder:
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    text_encoder = loader.transformers(CLIPTextModel, folder / "text_encoder")
    # SDXL's configurations say 2, which makes pooling take the highest token id: wrong as soon as
    # a token is added behind the end token.
    text_encoder.eos_token_id = tokenizer.eos_token_id
    if card.kind is ModelKind.UNCLIP:
        tower = Tower(tokenizer, text_encoder, reads_last_layer=True)
        return PromptEncoder(
            base=[tower],
            refiner=[tower],
            force_zeros_for_empty_prompt=False,
            refiner_force_zeros_for_empty_prompt=False,
        )
    tokenizer_2 = CLIPTokenizer.from_pretrained(folder / "tokenizer_2", local_files_only=True)
    text_encoder_2 = loader.transformers(CLIPTextModelWithProjection, folder / "text_encoder_2")
    text_encoder_2.text_model.eos_token_id = tokenizer_2.eos_token_id
    force_zeros = _force_zeros(folder, default=True)
    tower_2 = Tower(tokenizer_2, text_encoder_2)
    return PromptEncoder(
        base=[Tower(tokenizer, text_encoder), tower_2],
        refiner=[tower_2],
        force_zeros_for_empty_prompt=force_zeros,
        refiner_force_zeros_for_empty_prompt=_force_zeros(
            refiner_folder(folder), default=force_zeros
        ),
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
