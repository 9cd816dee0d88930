"""What a UNet is told of pictures: the same request for each of the two ways to draw from them.

- unCLIP: another UNet, that takes the pictures' embedding with noise on it. The noise makes room
  for the words: how much of it there is says how little the pictures count.
- IP-Adapter: the model's own UNet with cross-attention to the pictures, at a scale.

Several pictures are blended into one embedding first. Whatever it is, one field of the request
(`scale`, 0 to 1) says how much pictures count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import torch
from PIL import Image

from engine.api import DrawingRequest, ImageCondition, RequestError
from engine.image_encoder import ImageEncoder, blend
from engine.models.card import ImageUse, ModelKind
from engine.models.ip_adapter import IPAdapter
from engine.models.loading import LoadedModel
from engine.models.unclip import UnCLIP

MAX_NOISE_LEVEL = 999
NO_IMAGES: Mapping[str, Image.Image] = MappingProxyType({})

_STREAM = 3 * 2**32
"""Added to a picture's seed: the embedding's noise is a stream of its own, so that a seed means the
same latents with and without pictures in the prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConditions:
    """What a base UNet is told of pictures. Says nothing by default."""

    class_labels: torch.Tensor | None = None
    """(B, 2 D), float32: unCLIP's, a row for each picture that is drawn."""
    image_embeds: Sequence[tuple[torch.Tensor, torch.Tensor]] = field(default=())
    """What IP-Adapter's slots see, and what they see instead where nothing is asked for:
    (1, 1, D) or (1, 1, tokens, W), float32."""

    def class_label_rows(self, like: torch.Tensor, *, guided: bool) -> torch.Tensor | None:
        """Return the labels as `like` is, unconditional rows first if guided."""
        if self.class_labels is None:
            return None
        labels = self.class_labels.to(like)
        return torch.cat([torch.zeros_like(labels), labels]) if guided else labels

    def added_cond_kwargs(self, like: torch.Tensor, *, batch: int, guided: bool) -> dict[str, Any]:
        """Return what is added for IP-Adapter, unconditional rows first if guided."""
        if not self.image_embeds:
            return {}
        rows = [pair if guided else pair[1:] for pair in self.image_embeds]
        return {
            "image_embeds": [
                torch.cat([one.to(like).expand(batch, *one.shape[1:]) for one in some])
                for some in rows
            ]
        }


def wants_images(request: DrawingRequest) -> bool:
    """Return whether pictures are part of the prompt."""
    return any(condition is not None for condition in _conditions(request).values())


def check_images(model: LoadedModel, request: DrawingRequest) -> None:
    """Refuse what the model cannot do with pictures. Raises RequestError."""
    uses = [use for use, condition in _conditions(request).items() if condition is not None]
    if model.card.kind is ModelKind.UNCLIP and ImageUse.PROMPT not in uses:
        raise RequestError("image_prompt", f"{model.card.title} draws from pictures; give it one")
    match model.image_prompts:
        case IPAdapter() as adapter:
            served = frozenset(adapter.slots)
        case UnCLIP():
            served = frozenset({ImageUse.PROMPT})
        case None:
            served = frozenset()
    for use in uses:
        if use not in served:
            raise RequestError(
                _FIELDS[use], f"{model.card.title} takes none from pictures; say it in words"
            )
    if request.loras and ImageUse.PROMPT in uses and isinstance(model.image_prompts, UnCLIP):
        raise RequestError(
            "loras", f"{model.card.title} draws from pictures without LoRAs; leave them out"
        )


def model_for(model: LoadedModel, request: DrawingRequest) -> LoadedModel:
    """Return the model as it draws this request: unCLIP has its own UNet and way of reading."""
    match model.image_prompts:
        case UnCLIP() as unclip if request.image_prompt is not None:
            return replace(model, base=unclip.expert, prompt_encoder=unclip.prompt_encoder)
        case _:
            return model


def image_conditions(
    model: LoadedModel,
    request: DrawingRequest,
    images: Mapping[str, Image.Image],
    *,
    seeds: Sequence[int],
) -> ImageConditions:
    """Read the pictures of a request; `images` holds them by sha256, `seeds` are the drawing's."""
    match model.image_prompts:
        case UnCLIP() as unclip if request.image_prompt is not None:
            with model.at_work(unclip.image_encoder.model):
                embeds = _blended(unclip.image_encoder, request.image_prompt, images)
            noise = torch.cat([_embedding_noise(seed, embeds.shape[-1]) for seed in seeds])
            level = noise_level_of(request.image_prompt.scale)
            return ImageConditions(class_labels=unclip.class_labels(embeds, noise, level))
        case IPAdapter() as adapter:
            with model.at_work(adapter.image_encoder.model):
                return _adapted(adapter, request, images)
        case _:
            return ImageConditions()


def noise_level_of(scale: float) -> int:
    """Return the noise level at which a share `scale` of the embedding's variance is left.

    The noising schedule is a cosine: cos(pi t / 2000) of an embedding is left at level t. At scale
    1 none is added, 0.55 is level 468.
    """
    return min(round(1000 * 2 / math.pi * math.acos(math.sqrt(scale))), MAX_NOISE_LEVEL)


_FIELDS = {
    ImageUse.PROMPT: "image_prompt",
    ImageUse.STYLE: "style_reference",
    ImageUse.CHARACTER: "character_reference",
}


def _conditions(request: DrawingRequest) -> dict[ImageUse, ImageCondition | None]:
    return {use: getattr(request, name) for use, name in _FIELDS.items()}


def _embedding_noise(seed: int, width: int) -> torch.Tensor:
    """Return standard noise (1, D), float32."""
    return torch.randn(1, width, generator=torch.Generator("cpu").manual_seed(seed + _STREAM))


def _adapted(
    adapter: IPAdapter, request: DrawingRequest, images: Mapping[str, Image.Image]
) -> ImageConditions:
    """Set the adapter's scales, and return what its slots see."""
    conditions = {use: one for use, one in _conditions(request).items() if one is not None}
    adapter.set_scales({use: condition.scale for use, condition in conditions.items()})
    encoder = adapter.image_encoder
    nothing = adapter.nothing()
    by_slot = {slot: conditions.get(use) for use, slot in adapter.slots.items()}
    seen = [
        nothing
        if (condition := by_slot[slot]) is None
        else _blended(encoder, condition, images, hidden_states=adapter.reads_hidden_states)
        for slot in sorted(by_slot)
    ]
    return ImageConditions(image_embeds=[(nothing[None], embeds[None]) for embeds in seen])


def _blended(
    encoder: ImageEncoder,
    condition: ImageCondition,
    images: Mapping[str, Image.Image],
    *,
    hidden_states: bool = False,
) -> torch.Tensor:
    """Return the pictures of a condition as one embedding (1, D) or (1, tokens, W)."""
    read = encoder.hidden_states if hidden_states else encoder.image_embeds
    embeds = [read(images[weighted.image]) for weighted in condition.images]
    if len(embeds) == 1:
        return embeds[0]
    return blend(torch.cat(embeds), [weighted.weight for weighted in condition.images])
