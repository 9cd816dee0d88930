from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from engine.models.loading import LoadedModel


def pytest_configure(config: pytest.Config) -> None:
    # diffusers' Euler scheduler gives numpy a tensor in a way that numpy 2 will not take for ever.
    config.addinivalue_line("filterwarnings", "ignore:__array__ implementation:DeprecationWarning")
    # torchsde prints the noise levels with six digits and then misses the seventh.
    config.addinivalue_line("filterwarnings", "ignore:Should have t[ab]:UserWarning")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    import torch

    # Tensors this small are slower on two.
    torch.set_num_threads(1)


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
