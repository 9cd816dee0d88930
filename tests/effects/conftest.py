"""What each parameter does to the built-in model's pictures, from the prompt to the pixels."""

from __future__ import annotations

import pytest

from tests.effects.easel import Easel


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
def easel(tmp_path_factory: pytest.TempPathFactory) -> Easel:
    return Easel(models_dir=tmp_path_factory.mktemp("models"))
