"""The models in a device's memory: loaded when they are asked for, forgotten when others need room.

It knows what fits, not how a model is made of files: that is `loading`.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from engine.api import LoraWeight
from engine.devices import Device, free_memory, is_out_of_memory
from engine.models.captioner import Captioner, load_captioner
from engine.models.card import ImageUse, ModelCard, ModelKind
from engine.models.catalog import Catalog
from engine.models.components import refuse_pickled
from engine.models.errors import ModelError
from engine.models.layout import locate
from engine.models.loading import LoadedModel, load_image_prompts, load_model
from engine.models.sizes import image_parts_of, parts_of, weights_bytes

logger = logging.getLogger(__name__)

_DRAWING = frozenset({ModelKind.SDXL, ModelKind.UNCLIP})
_WRITING = frozenset({ModelKind.CAPTIONER})


class ModelStore:
    """Loads models on demand and forgets the least recently used when they do not all fit."""

    def __init__(
        self, *, catalog: Catalog, models_dir: Path, device: Device, budget_bytes: int
    ) -> None:
        self.catalog = catalog
        self.device = device
        self._models_dir = models_dir
        self._budget_bytes = budget_bytes
        self._models: OrderedDict[str, LoadedModel] = OrderedDict()
        self._captioners: dict[str, Captioner] = {}

    @property
    def loaded(self) -> frozenset[str]:
        """Names of the models in memory."""
        return frozenset(self._models)

    def get(self, name: str, *, images: bool = False) -> LoadedModel:
        """Return a model, from memory or else from disk. Raises UnknownModelError, ModelError.

        With `images` it comes with what makes it draw from pictures, which is loaded when it is
        asked for and stays as long as the model does.
        """
        card = self.catalog[name]
        started = time.perf_counter()
        if name not in self._models:
            self._models[name] = self._load(card, self._folder(card, _DRAWING))
            logger.info("loaded model=%s in %.2f s", name, time.perf_counter() - started)
        self._models.move_to_end(name)
        if images and self._models[name].image_prompts is None:
            self._models[name] = self._with_images(card, self._folder(card, _DRAWING))
            logger.info("loaded images of model=%s in %.2f s", name, time.perf_counter() - started)
        return self._models[name]

    def captioner(self, name: str) -> Captioner:
        """Return a captioner in the same way. Raises UnknownModelError, ModelError."""
        card = self.catalog[name]
        if name not in self._captioners:
            folder = self._folder(card, _WRITING)
            with _damage_named(card, folder):
                self._make_room(weights_bytes([folder], self.device.dtype))
                self._captioners[name] = load_captioner(card, folder, self.device)
        return self._captioners[name]

    def apply_loras(self, model: LoadedModel, loras: Sequence[LoraWeight]) -> None:
        """Have these LoRAs in a model, and no other. Raises ModelError."""
        if loras and model.card.kind is not ModelKind.SDXL:
            raise ModelError(f"{model.card.title} takes no LoRAs. Leave them out.")
        files = {}
        for lora in loras:
            file = self.catalog.locate_lora(lora.name, self._models_dir)
            if file is None:
                raise ModelError(f"The LoRA {lora.name!r} is not on this machine. Leave it out.")
            files[file] = lora.weight
        model.adapters.apply(files)

    def evict_others(self, name: str) -> bool:
        """Forget all models but this one; return whether there were any."""
        others = (self._models.keys() | self._captioners) - {name}
        for other in others:
            self._evict(other)
        free_memory()
        return bool(others)

    def _load(self, card: ModelCard, folder: Path) -> LoadedModel:
        with _damage_named(card, folder):
            needed_bytes = weights_bytes(parts_of(card, folder), self.device.dtype)
            self._make_room(needed_bytes)
            return self._load_where_it_fits(card, folder, needed_bytes)

    def _with_images(self, card: ModelCard, folder: Path) -> LoadedModel:
        """Return a model in memory with what makes it draw from pictures.

        Where both do not fit together, the model is loaded anew and kept beside the device.
        """
        if self.catalog.draws_from_images(card, ImageUse.PROMPT, self._models_dir) is not card:
            raise ModelError(self.catalog.no_images(card, ImageUse.PROMPT))
        # Taken out until it is whole: loading an adapter changes the UNet.
        model = self._models.pop(card.name)
        adapter = self._adapter(card)
        with _damage_named(*(adapter or (card, folder))):
            parts = image_parts_of(card, folder, adapter)
            needed_bytes = model.size_bytes + weights_bytes(parts, self.device.dtype)
            self._make_room(needed_bytes)
            fits = self._size_bytes() + needed_bytes <= self._budget_bytes
            if self.device.count and not fits and not model.is_offloaded:
                logger.warning("model=%s does not fit the device with its images", card.name)
                model = load_model(card, folder, self.device, is_offloaded=True)
            return load_image_prompts(model, folder, adapter)

    def _adapter(self, card: ModelCard) -> tuple[ModelCard, Path] | None:
        """Return the IP-Adapter that serves a model, and its folder."""
        adapter = self.catalog.ip_adapter(card, self._models_dir)
        folder = locate(adapter, self._models_dir) if adapter is not None else None
        return None if adapter is None or folder is None else (adapter, folder)

    def _load_where_it_fits(self, card: ModelCard, folder: Path, needed_bytes: int) -> LoadedModel:
        if self.device.count == 0:
            return load_model(card, folder, self.device)
        if needed_bytes <= self._budget_bytes:
            try:
                return load_model(card, folder, self.device)
            except RuntimeError as error:
                # Another program may hold the rest of the device's memory.
                if not is_out_of_memory(error):
                    raise
            self.evict_others(card.name)
        logger.warning("model=%s does not fit the device and is kept beside it", card.name)
        return load_model(card, folder, self.device, is_offloaded=True)

    def _make_room(self, needed_bytes: int) -> None:
        """Forget models until this fits: first what only writes, then the least recently used."""
        for name in [*self._captioners, *self._models]:
            if self._size_bytes() + needed_bytes <= self._budget_bytes:
                break
            self._evict(name)
        free_memory()

    def _size_bytes(self) -> int:
        sizes = [model.size_bytes for model in self._models.values()]
        return sum(sizes) + sum(one.size_bytes for one in self._captioners.values())

    def _evict(self, name: str) -> None:
        self._models.pop(name, None)
        self._captioners.pop(name, None)
        logger.info("evicted model=%s", name)

    def _folder(self, card: ModelCard, kinds: frozenset[ModelKind]) -> Path:
        if card.kind not in kinds:
            raise ModelError(f"{card.title} is not made for this. Name another model.")
        folder = locate(card, self._models_dir)
        if folder is not None:
            return folder
        if card.source == "hub":
            how = f"Run `easel models pull {card.name}` first."
        else:
            how = f"Check the folder {card.base!r}." if card.base else "Reinstall Easel."
        for part in parts_of(card, Path(card.base)):
            refuse_pickled(part)
        raise ModelError(f"The model {card.name!r} is not complete on this machine. {how}")


@contextmanager
def _damage_named(card: ModelCard, folder: Path) -> Iterator[None]:
    """Say which model it is whose files cannot be read."""
    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ModelError(f"{card.name!r} in {folder} cannot be loaded: {error}") from error
