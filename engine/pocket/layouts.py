"""Where things stand in a picture: cells, each of which one thing fills nearly."""

from dataclasses import dataclass
from enum import StrEnum


class Layout(StrEnum):
    """How many things, and where."""

    SINGLE = "single"  # one thing fills the frame
    SMALL = "small"  # one small thing in the middle
    LEFT = "left"
    RIGHT = "right"
    TWO = "two"  # the same thing, several times
    THREE = "three"
    FOUR = "four"
    PAIR = "pair"  # two different things side by side


LAYOUT_WEIGHTS = {
    Layout.SINGLE: 0.71,
    Layout.SMALL: 0.015,
    Layout.LEFT: 0.015,
    Layout.RIGHT: 0.015,
    Layout.TWO: 0.07,
    Layout.THREE: 0.07,
    Layout.FOUR: 0.005,
    Layout.PAIR: 0.1,
}
OVERLAP = 1.36
COUNTS = {Layout.TWO: 2, Layout.THREE: 3, Layout.FOUR: 4}


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of the frame: its centre and its sides, as shares of width and height."""

    x: float
    y: float
    width: float
    height: float


def cells(layout: Layout, *, is_wide: bool) -> tuple[Cell, ...]:
    """Divide a frame; what is tall is divided from top to bottom."""
    if layout in {Layout.TWO, Layout.PAIR} and not is_wide:
        return Cell(0.5, 0.25, 1, 0.5), Cell(0.5, 0.75, 1, 0.5)
    return _CELLS[layout]


def divide(share: float, *, aspect: float) -> tuple[Cell, Cell]:
    """Set two squares in opposite corners, where they overlap a little.

    share: the first's part of both sides together. aspect: the frame's width by its height; in
    frames of one area the squares are as large, as far as the shorter side has room for them.
    """
    first, second = (_square(OVERLAP * part, aspect) for part in (share, 1 - share))
    return (
        Cell(first[0] / 2, first[1] / 2, *first),
        Cell(1 - second[0] / 2, 1 - second[1] / 2, *second),
    )


def _square(side: float, aspect: float) -> tuple[float, float]:
    """Return a square's width and height as shares of a frame's; `side` is of a square frame's."""
    return min(1.0, side / aspect**0.5), min(1.0, side * aspect**0.5)


_SIDE_BY_SIDE = (Cell(0.25, 0.5, 0.5, 1), Cell(0.75, 0.5, 0.5, 1))
_CELLS = {
    Layout.SINGLE: (Cell(0.5, 0.5, 1, 1),),
    Layout.SMALL: (Cell(0.5, 0.5, 0.48, 0.48),),
    Layout.LEFT: (Cell(0.26, 0.5, 0.52, 1),),
    Layout.RIGHT: (Cell(0.74, 0.5, 0.52, 1),),
    Layout.TWO: _SIDE_BY_SIDE,
    Layout.PAIR: _SIDE_BY_SIDE,
    Layout.THREE: tuple(Cell(x, y, 0.5, 0.5) for x, y in ((0.5, 0.26), (0.25, 0.74), (0.75, 0.74))),
    Layout.FOUR: tuple(Cell(x, y, 0.5, 0.5) for y in (0.26, 0.74) for x in (0.25, 0.75)),
}
