"""LoRAs (arXiv 2106.09685) in a model: what is added to the shared UNet and text encoders.

Applied as a difference before each drawing, so that the next one with the same LoRAs need not wait
and the next one without any finds the model as it was loaded, to the bit. diffusers reads the
files, kohya's layout included, and peft carries them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import transformers
from safetensors import SafetensorError

from engine.models.errors import ModelError

_LOGGERS = (diffusers.utils.logging, transformers.utils.logging)


_UNFIT = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    SafetensorError,
)
"""What diffusers and peft raise for a file that is damaged, or for another kind of model."""


class Adapters:
    """The LoRAs that are in one model now."""

    def __init__(self, components: Mapping[str, Any]) -> None:
        """Keep the `components` of a StableDiffusionXLPipeline, as their files have them."""
        self._components = components
        self._pipeline: Any = None
        self._weights: dict[Path, float] = {}

    def apply(self, wanted: Mapping[Path, float]) -> None:
        """Have these files in the model, each with its weight, and no other. Raises ModelError.

        A weight of 0 is the same as leaving the file out.
        """
        weights = {file: weight for file, weight in wanted.items() if weight}
        if weights == self._weights:
            return
        if set(weights) != set(self._weights):
            self._unload()
            for index, file in enumerate(weights):
                self._load(file, _name(index))
        if weights:
            names = [_name(index) for index in range(len(weights))]
            self._pipeline.set_adapters(names, [*weights.values()])
        self._weights = weights

    def _unload(self) -> None:
        if self._pipeline is not None:
            self._pipeline.unload_lora_weights()
        self._weights = {}

    def _load(self, file: Path, name: str) -> None:
        try:
            with _silence():
                if self._pipeline is None:
                    pipeline = diffusers.StableDiffusionXLPipeline
                    self._pipeline = pipeline(**self._components, add_watermarker=False)
                self._pipeline.load_lora_weights(
                    file.parent,
                    weight_name=file.name,
                    adapter_name=name,
                    use_safetensors=True,
                    local_files_only=True,
                )
                self._settle()
            is_in = any(name in names for names in self._pipeline.get_list_adapters().values())
        except _UNFIT as error:
            self._unload()
            raise _refused(file) from error
        if not is_in:
            self._unload()
            raise _refused(file)

    def _settle(self) -> None:
        """Bring what was added to where, and to what, the rest of the model is."""
        for part in ("unet", "text_encoder", "text_encoder_2"):
            module = self._components[part]
            module.requires_grad_(requires_grad=False)
            module.to(module.device, module.dtype)


def _name(index: int) -> str:
    # A file's name may have dots, which peft takes for paths.
    return f"lora_{index}"


def _refused(file: Path) -> ModelError:
    return ModelError(
        f"The LoRA {file.stem!r} does not fit this model: it was made for another, or is damaged."
        " Leave it out."
    )


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the libraries from listing every weight that a LoRA does not have."""
    kept = [logging.get_verbosity() for logging in _LOGGERS]
    try:
        for logging in _LOGGERS:
            logging.set_verbosity(logging.CRITICAL)
        yield
    finally:
        for logging, verbosity in zip(_LOGGERS, kept, strict=True):
            logging.set_verbosity(verbosity)
