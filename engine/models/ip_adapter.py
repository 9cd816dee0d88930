"""IP-Adapter (arXiv 2308.06721): cross-attention to pictures, added to a UNet that had none.

Loading changes the UNet for good: from then on every drawing must say something of pictures. With
zeros at a scale of 0 it draws exactly what it drew before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.attention_processor import IPAdapterAttnProcessor2_0
from diffusers.models.embeddings import ImageProjection
from safetensors import safe_open

from engine.image_encoder import ImageEncoder
from engine.models.card import ImageUse, ModelCard
from engine.models.components import ComponentLoader

STYLE_BLOCK = "up_blocks.0.attentions.1."
"""Where SDXL's UNet decides on style and on nothing else (InstantStyle, arXiv 2404.02733)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IPAdapter:
    """An adapter that is part of a UNet, with a slot for each use of pictures that it serves."""

    unet: Any
    image_encoder: ImageEncoder
    reads_hidden_states: bool
    """Whether it looks at every patch of a picture ("plus") or at its embedding."""
    slots: Mapping[ImageUse, int]

    def nothing(self) -> torch.Tensor:
        """Return what a slot sees where there is no picture: (1, D) or (1, tokens, W), float32."""
        if self.reads_hidden_states:
            return self.image_encoder.hidden_states_of_nothing()
        return torch.zeros(1, self.image_encoder.model.config.projection_dim)

    def set_scales(self, scales: Mapping[ImageUse, float]) -> None:
        """Say how much pictures count in each slot, 0 to 1; those that are not named: nothing."""
        for name, processor in self.unet.attn_processors.items():
            if isinstance(processor, IPAdapterAttnProcessor2_0):
                for use, slot in self.slots.items():
                    counts = use is not ImageUse.STYLE or name.startswith(STYLE_BLOCK)
                    processor.scale[slot] = scales.get(use, 0.0) if counts else 0.0


def load_ip_adapter(loader: ComponentLoader, card: ModelCard, folder: Path, unet: Any) -> IPAdapter:
    """Load the adapter in `folder` into `unet`, and its image encoder."""
    size_before = _size_bytes(unet)
    uses = (ImageUse.PROMPT, ImageUse.CHARACTER)
    slots = {use: slot for slot, use in enumerate(uses[: len(card.weight_names)])}
    unet._load_ip_adapter_weights([_read(folder / name) for name in card.weight_names])  # noqa: SLF001
    slots[ImageUse.STYLE] = _share_first(unet)
    unet.requires_grad_(requires_grad=False)
    loader.count(_size_bytes(unet) - size_before)
    encoder = folder / card.image_encoder_folder
    adapter = IPAdapter(
        unet=unet,
        image_encoder=loader.image_encoder(encoder, encoder / "preprocessor_config.json"),
        reads_hidden_states=not isinstance(
            unet.encoder_hid_proj.image_projection_layers[0], ImageProjection
        ),
        slots=slots,
    )
    adapter.set_scales({})
    return adapter


def _read(file: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Return an adapter's two parts as diffusers' loader takes them."""
    parts: dict[str, dict[str, torch.Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    with safe_open(file, framework="pt") as tensors:
        for key in tensors.keys():  # noqa: SIM118 - it is no mapping
            part, _, name = key.partition(".")
            parts[part][name] = tensors.get_tensor(key)
    return parts


def _share_first(unet: Any) -> int:
    """Give the first adapter's weights one more slot, at no cost of memory; return its index."""
    layers = unet.encoder_hid_proj.image_projection_layers
    layers.append(layers[0])
    for processor in unet.attn_processors.values():
        if isinstance(processor, IPAdapterAttnProcessor2_0):
            processor.to_k_ip.append(processor.to_k_ip[0])
            processor.to_v_ip.append(processor.to_v_ip[0])
            processor.num_tokens = [*processor.num_tokens, processor.num_tokens[0]]
            processor.scale = [0.0] * len(layers)
    return len(layers) - 1


def _size_bytes(module: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in module.parameters())
