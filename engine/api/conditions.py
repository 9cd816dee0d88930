"""What a drawing is told beside its words: pictures, and LoRAs."""

from __future__ import annotations

import msgspec

from engine.api.checks import RequestError, check_image, check_range

MAX_IMAGE_PROMPTS = 5
MAX_IMAGE_WEIGHT = 10_000.0
MAX_LORAS = 10
MAX_LORA_WEIGHT = 2.0


class WeightedImage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One picture among those that say together what to draw."""

    image: str
    """sha256 of the picture's bytes, in hexadecimal; the bytes travel in `WorkItem.blobs`."""
    weight: float = 1.0
    """How much it counts beside the others, above 0."""

    def __post_init__(self) -> None:
        check_image("image", self.image)
        if not 0 < self.weight <= MAX_IMAGE_WEIGHT:
            raise RequestError("weight", f"{self.weight} is not above 0 and up to 10000")


class ImageCondition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pictures that say what to draw, as words do: nothing is drawn over them.

    Several count as one that lies between them, by their weights.
    """

    images: tuple[WeightedImage, ...]
    """One to five, each once."""
    scale: float = 0.5
    """How much they count beside the words, above 0; 1: as much as they can."""

    def __post_init__(self) -> None:
        check_range("images", len(self.images), 1, MAX_IMAGE_PROMPTS)
        if len({weighted.image for weighted in self.images}) < len(self.images):
            raise RequestError("images", "name the same picture twice; give it more weight instead")
        if not 0 < self.scale <= 1:
            raise RequestError("scale", f"{self.scale} is not above 0 and up to 1")

    @property
    def is_blend(self) -> bool:
        """Whether several pictures are mixed."""
        return len(self.images) > 1


class LoraWeight(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A LoRA (arXiv 2106.09685) by its name, and how much of it is added to the model."""

    name: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        check_range("weight", self.weight, -MAX_LORA_WEIGHT, MAX_LORA_WEIGHT)
