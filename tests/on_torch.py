"""What tests that draw with torch have in common: a conftest imports it for its folder."""

from __future__ import annotations

import pytest

__all__ = ["one_thread", "pytest_configure"]


def pytest_configure(config: pytest.Config) -> None:
    # diffusers' Euler scheduler gives numpy a tensor in a way that numpy 2 will not take for ever.
    config.addinivalue_line("filterwarnings", "ignore:__array__ implementation:DeprecationWarning")
    # torchsde prints the noise levels with six digits and then misses the seventh.
    config.addinivalue_line("filterwarnings", "ignore:Should have t[ab]:UserWarning")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    import torch

    # Tensors this small are slower on two.
    torch.set_num_threads(1)
