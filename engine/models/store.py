"""The models in a device's memory: loaded when they are asked for, forgotten when others need room.

It knows what fits, not how a model is made of files: that is `loading`.
"""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from engine.api import LoraWeight
from engine.devices import Device, free_memory, is_out_of_memory
from engine.models.card import ModelCard
from engine.models.catalog import Catalog
from engine.models.errors import ModelError
from engine.models.layout import locate, refiner_folder
from engine.models.loading import LoadedModel, load_model, refuse_pickled

logger = logging.getLogger(__name__)


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

    @property
    def loaded(self) -> frozenset[str]:
        """Names of the models in memory."""
        return frozenset(self._models)

    def get(self, name: str) -> LoadedModel:
        """Return a model, from memory or else from disk. Raises UnknownModelError, ModelError."""
        if name not in self._models:
            folder = self._folder(self.catalog[name])
            started = time.perf_counter()
            self._models[name] = self._load(self.catalog[name], folder)
            logger.info("loaded model=%s in %.2f s", name, time.perf_counter() - started)
        self._models.move_to_end(name)
        return self._models[name]

    def apply_loras(self, model: LoadedModel, loras: Sequence[LoraWeight]) -> None:
        """Have these LoRAs in a model, and no other. Raises ModelError."""
        files = {}
        for lora in loras:
            file = self.catalog.locate_lora(lora.name, self._models_dir)
            if file is None:
                raise ModelError(f"The LoRA {lora.name!r} is not on this machine. Leave it out.")
            files[file] = lora.weight
        model.adapters.apply(files)

    def evict_others(self, name: str) -> bool:
        """Forget all models but this one; return whether there were any."""
        others = self.loaded - {name}
        for other in others:
            self._evict(other)
        free_memory()
        return bool(others)

    def _load(self, card: ModelCard, folder: Path) -> LoadedModel:
        try:
            needed_bytes = _weights_bytes(folder, self.device.dtype)
            self._make_room(needed_bytes)
            return self._load_where_it_fits(card, folder, needed_bytes)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise ModelError(f"{card.name!r} in {folder} cannot be loaded: {error}") from error

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
        while self._models and self._size_bytes() + needed_bytes > self._budget_bytes:
            self._evict(next(iter(self._models)))
        free_memory()

    def _size_bytes(self) -> int:
        return sum(model.size_bytes for model in self._models.values())

    def _evict(self, name: str) -> None:
        del self._models[name]
        logger.info("evicted model=%s", name)

    def _folder(self, card: ModelCard) -> Path:
        folder = locate(card, self._models_dir)
        if folder is not None:
            return folder
        if card.source == "hub":
            how = f"Run `easel models pull {card.name}` first."
        else:
            how = f"Check the folder {card.base!r}." if card.base else "Reinstall Easel."
        for part in ("text_encoder", "text_encoder_2", "unet", "vae"):
            refuse_pickled(Path(card.base) / part)
        raise ModelError(f"The model {card.name!r} is not complete on this machine. {how}")


def _weights_bytes(folder: Path, dtype: torch.dtype) -> int:
    """Return what a model will take in memory, as its files' headers have it."""
    folders = {folder, refiner_folder(folder)}
    files = {file for some in folders for file in some.rglob("*.safetensors")}
    return sum(map(_count_weights, files)) * dtype.itemsize


def _count_weights(file: Path) -> int:
    with safe_open(file, framework="pt") as tensors:
        return sum(math.prod(tensors.get_slice(key).get_shape()) for key in tensors.keys())  # noqa: SIM118
