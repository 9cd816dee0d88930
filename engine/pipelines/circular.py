"""Seamless tiles: convolutions that see the opposite edge behind an edge.

Attention knows no edges, so padding is all that tells a UNet or an autoencoder where a picture
ends. It is also how a model knows where the middle is: without any edge in the noisiest steps, the
subject falls apart into shreds. So the layout is drawn with edges, and the rest without.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.nn import Conv2d

LAYOUT_ABOVE = 0.8
"""Above this share of the training schedule the steps lay a picture out."""


def lays_out(timestep: float, *, train_timesteps: int = 1000) -> bool:
    """Whether a step is one of those that lay the picture out."""
    return timestep > LAYOUT_ABOVE * train_timesteps


@contextmanager
def padding(module: Any, *, is_circular: bool) -> Iterator[None]:
    """Pad every convolution of a module circularly for a while.

    The module is shared by all drawings: it leaves as it came.
    """
    parts = module.modules() if is_circular else ()
    convolutions = [part for part in parts if isinstance(part, Conv2d)]
    kept = [convolution.padding_mode for convolution in convolutions]
    try:
        for convolution in convolutions:
            convolution.padding_mode = "circular"
        yield
    finally:
        for convolution, mode in zip(convolutions, kept, strict=True):
            convolution.padding_mode = mode
