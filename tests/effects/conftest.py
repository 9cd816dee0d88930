"""What each parameter does to the built-in model's pictures, from the prompt to the pixels."""

from __future__ import annotations

import pytest

from tests.effects.easel import Easel
from tests.on_torch import one_thread, pytest_configure

__all__ = ["easel", "one_thread", "pytest_configure"]


@pytest.fixture(scope="session")
def easel(tmp_path_factory: pytest.TempPathFactory) -> Easel:
    return Easel(models_dir=tmp_path_factory.mktemp("models"))
