"""The values of all parameters of one prompt. Its fields are the rows of `bot.prompt.flags`."""

from __future__ import annotations

from dataclasses import dataclass

from bot.prompt.values import SQUARE, ImagePrompt, Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What was asked for behind the text; a field that was not mentioned has its default."""

    ar: Ratio = SQUARE
    """Width to height."""
    no: tuple[str, ...] = ()
    """What shall not be in the picture."""
    negative: str = ""
    """The same as a whole text, in Stable Diffusion's notation."""
    iw: float = 1.0
    """How much the pictures by link count, against the text."""
    sref: tuple[ImagePrompt, ...] = ()
    """Pictures whose style is taken."""
    sw: int = 100
    """How much --sref counts."""
    cref: tuple[ImagePrompt, ...] = ()
    """Pictures of somebody who is to be seen."""
    cw: int = 100
    """How much of --cref is kept."""
    chaos: int = 0
    quality: float = 1.0
    draft: bool = False
    stylize: int = 100
    raw: bool = False
    style: str | None = None
    """`raw`, or nothing."""
    weird: int = 0
    stop: int = 100
    """Percent of the steps."""
    tile: bool = False
    model: str | None = None
    """A name in the catalog; None: the one that is set for this place."""
    version: float | None = None
    """The same by its number among the general models."""
    niji: float | None = None
    """The same by its number among the anime models."""
    steps: int | None = None
    """None: as many as the model likes."""
    cfg: float | None = None
    """None: as much as the model likes."""
    clip_skip: int = 0
    sampler: str = "euler"
    """One of `bot.prompt.flags.SAMPLERS`."""
    seed: int | None = None
    """None: one is drawn."""
    sameseed: int | None = None
    """The seed that all pictures share; None: each has its own."""
    repeat: int = 1
    """How many jobs it makes, each with a seed of its own."""
    turbo: bool = False
    fast: bool = False
    relax: bool = False


DEFAULTS = Parameters()
