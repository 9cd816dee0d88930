"""What every command that draws begins with: the catalog, the workers, the model."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bot.settings import Settings, SettingsError
from engine.executors.child import ExecutorError
from engine.executors.local import LocalExecutor
from engine.models.card import ModelCard
from engine.models.catalog import Catalog, CatalogError, UnknownModelError
from engine.models.layout import locate
from storage.errors import StorageError

REFUSALS = (SettingsError, ExecutorError, CatalogError, UnknownModelError, StorageError)
"""What keeps a command from starting, in words that say what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Workers that can draw, and with what."""

    executor: LocalExecutor
    catalog: Catalog
    card: ModelCard
    """The model that draws when a prompt names none."""
    device_name: str


@contextlib.asynccontextmanager
async def open_executor(settings: Settings) -> AsyncIterator[Started]:
    """Start the workers, choose the default model and begin to load it."""
    catalog = Catalog.load(settings.catalog)
    executor = LocalExecutor(
        catalog=settings.catalog,
        models_dir=settings.resolved_models_dir,
        device=settings.device,
        threads=settings.threads,
    )
    await executor.start()
    try:
        slots = executor.slots()
        card = _choose(settings, catalog, [slot.device for slot in slots])
        await executor.load(card.name)
        yield Started(
            executor=executor, catalog=catalog, card=card, device_name=slots[0].device_name
        )
    finally:
        await executor.aclose()


def _choose(settings: Settings, catalog: Catalog, devices: list[str]) -> ModelCard:
    if settings.model == "auto":
        return catalog.default(devices, settings.resolved_models_dir)
    card = catalog[settings.model]
    if locate(card, settings.resolved_models_dir) is None:
        raise SettingsError(
            f"EASEL_MODEL: {card.name} is not on this machine; run `easel models pull {card.name}`"
        )
    return card
