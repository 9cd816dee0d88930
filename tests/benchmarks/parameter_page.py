"""Draw the page that shows what each parameter does: `python -m tests.benchmarks.parameter_page`.

Writes bot/prompt/README.md and the strips beside it, with the built-in model, in a minute or two.
`--only stop tile` draws those strips anew and leaves the others.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from bot.prompt import FLAGS, Flag
from tests.effects.easel import Easel

FOLDER = Path(__file__).parents[2] / "bot" / "prompt"
STRIPS = FOLDER / "strips"
APPLE = "a red apple on a blue background"
CAR = "a green car on a yellow background"
HOUSE = "a house in a forest"
LABEL_HEIGHT, GAP, HEIGHT = 22, 8, 128
INK = "#57606a"

INTRODUCTION = """\
# What each parameter does

Drawn by the built-in model, whose pictures have 128 pixels a side; on larger models the same code
does the same. Each strip is one prompt and one seed with three values. Written by
`python -m tests.benchmarks.parameter_page`; the ranges are in [the main README](../../README.md).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One parameter at three values."""

    flag: str
    values: tuple[str, str, str]
    prompt: str = APPLE
    count: int = 2
    repeats: int = 1
    """How often a picture is laid beside itself, each way."""
    note: str = ""


PAGE = (
    Strip(flag="ar", values=("--ar 9:16", "--ar 1:1", "--ar 16:9"), count=1),
    Strip(flag="no", values=("", "--no red", "--no red, green"), prompt="an apple"),
    Strip(
        flag="negative",
        values=("", "--negative red", "--negative (red:1.6)"),
        prompt="an apple",
    ),
    Strip(flag="chaos", values=("--chaos 0", "--chaos 60", "--chaos 100"), prompt=CAR, count=4),
    Strip(flag="quality", values=("--quality 0.25", "--quality 1", "--quality 2"), prompt="a dog"),
    Strip(flag="draft", values=("--draft", "", "--quality 2"), prompt=CAR),
    Strip(flag="stylize", values=("--stylize 0", "--stylize 100", "--stylize 1000"), prompt=HOUSE),
    Strip(
        flag="raw",
        values=("--stylize 0", "--stylize 1000 --raw", "--stylize 1000"),
        prompt=HOUSE,
        note="`--style raw` is the same.",
    ),
    Strip(flag="weird", values=("--weird 0", "--weird 1500", "--weird 3000"), prompt=CAR),
    Strip(flag="stop", values=("--stop 10", "--stop 40", "--stop 100"), prompt=CAR),
    Strip(
        flag="tile",
        values=("", "--tile", "--tile --seed 4"),
        prompt="a star on a blue background",
        count=1,
        repeats=2,
        note="Each picture is laid beside itself, twice each way.",
    ),
    Strip(flag="steps", values=("--steps 2", "--steps 5", "--steps 30"), prompt="a dog"),
    Strip(flag="cfg", values=("--cfg 1", "--cfg 5", "--cfg 20"), prompt=CAR),
    Strip(flag="clip-skip", values=("--clip-skip 0", "--clip-skip 1", "--clip-skip 2"), prompt=CAR),
    Strip(
        flag="sampler",
        values=("--sampler euler", "--sampler euler-a", "--sampler lms"),
        prompt=CAR,
    ),
    Strip(flag="seed", values=("--seed 1", "--seed 2", "--seed 1"), prompt=CAR),
    Strip(
        flag="sameseed",
        values=("--seed 1", "--sameseed 1", "--sameseed 1 --chaos 80"),
        prompt=CAR,
        count=4,
    ),
)
WEIGHTS = Strip(
    flag="weights",
    values=("red::3 blue car", "red:: blue car", "red::0.2 blue car"),
    prompt="",
    note="Two ideas, each with its weight. `(word:1.3)` and `[word]` weigh single words.",
)


def draw(easel: Easel, strip: Strip) -> Image.Image:
    """Return the strip with its labels."""
    cells = []
    for value in strip.values:
        pictures = easel.draw_whole(f"{strip.prompt} {value}".strip(), count=strip.count)
        cells.append(_laid_out(np.tile(pictures, (1, strip.repeats, strip.repeats, 1))))
    width = sum(cell.width for cell in cells) + GAP * (len(cells) - 1)
    height = max(cell.height for cell in cells)
    sheet = Image.new("RGB", (width, height + LABEL_HEIGHT), "white")
    pen, font, x = ImageDraw.Draw(sheet), ImageFont.load_default(13), 0
    for cell, value in zip(cells, strip.values, strict=True):
        pen.text((x, 2), value or "without", fill=INK, font=font)
        sheet.paste(cell, (x, LABEL_HEIGHT))
        x += cell.width + GAP
    return sheet


def _laid_out(pictures: np.ndarray) -> Image.Image:
    """Return one, two beside each other, or four in a square."""
    rows = [pictures[start : start + 2] for start in range(0, len(pictures), 2)]
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)
    return Image.fromarray((sheet * 255).round().astype(np.uint8))


def page() -> str:
    """Return the page's text."""
    flags = {flag.name: flag for flag in FLAGS}
    sections = [_section(strip, flags.get(strip.flag)) for strip in (*PAGE, WEIGHTS)]
    return "\n".join([INTRODUCTION, *sections])


def _section(strip: Strip, flag: Flag | None) -> str:
    title = f"`--{flag.name}`" if flag else strip.flag.capitalize()
    sentences = " ".join(filter(None, (flag.help if flag else "", strip.note)))
    prompt = f"\n> {strip.prompt}\n" if strip.prompt else ""
    return f"## {title}\n\n{sentences}\n{prompt}\n![{strip.flag}](strips/{strip.flag}.webp)\n"


def main() -> None:
    """Draw the strips and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[strip.flag for strip in (*PAGE, WEIGHTS)])
    only = parser.parse_args().only
    torch.set_num_threads(1)
    STRIPS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        easel = Easel(models_dir=Path(folder))
        for strip in (*PAGE, WEIGHTS):
            if strip.flag in only:
                draw(easel, strip).save(STRIPS / f"{strip.flag}.webp", quality=82, method=6)
                print(strip.flag, flush=True)
    (FOLDER / "README.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
