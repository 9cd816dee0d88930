from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.on_torch import one_thread, pytest_configure

if TYPE_CHECKING:
    from engine.models.loading import LoadedModel

__all__ = ["one_thread", "pytest_configure", "tiny_folder", "tiny_model"]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base folder of a tiny checkpoint on disk."""
    from tests.engine import tiny

    return tiny.write_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_model(tiny_folder: Path) -> LoadedModel:
    """The tiny checkpoint, as the store loads it. Shared: tests leave it as it was."""
    from tests.engine import tiny

    return tiny.load(tiny_folder)
