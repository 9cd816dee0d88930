"""`easel imagine`, `variations` and `blend`: prompts and pictures become files.

The pictures are the only thing on disk, the result the only thing on standard output; progress
goes to the terminal on standard error.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.cli.bench import Bench, Result, link_to, read_one, show, work
from bot.commands.blend import DIMENSIONS, blend_prompt
from bot.dispatch.drafts import seed_of, with_seed
from bot.prompt import Prompt
from bot.recipe import Variation
from bot.settings import Settings
from engine import api
from engine.images import make_grid


def imagine(settings: Settings, options: argparse.Namespace) -> int:
    """Draw one prompt, and the pictures before it, into a folder; return the exit code."""

    def read() -> Prompt:
        weight = [] if options.iw is None else [f"--iw {options.iw}"]
        return read_one(
            settings, " ".join([*map(link_to, options.pictures), options.prompt, *weight])
        )

    return _draw(settings, options, read)


def variations(settings: Settings, options: argparse.Namespace) -> int:
    """Draw four variations of a picture into a folder; return the exit code."""

    def read() -> Prompt:
        return read_one(settings, f"{link_to(options.picture)} {options.prompt}".strip())

    return _draw(settings, options, read, variation=Variation(options.strength))


def blend(settings: Settings, options: argparse.Namespace) -> int:
    """Draw four pictures that lie between others into a folder; return the exit code."""

    def read() -> Prompt:
        ratio = {choice.name.lower(): choice.value for choice in DIMENSIONS}[options.dimensions]
        links = [link_to(picture) for picture in options.pictures]
        return read_one(settings, blend_prompt(links, options.weights, ratio))

    return _draw(settings, options, read)


def _draw(
    settings: Settings,
    options: argparse.Namespace,
    read: Callable[[], Prompt],
    *,
    variation: Variation | None = None,
) -> int:
    async def do(bench: Bench, asked: Prompt) -> Result:
        prompt = with_seed(asked)
        request = bench.drafts.grid(
            prompt,
            seed=seed_of(prompt),
            sources=await bench.take(prompt.links),
            variation=variation,
        )
        return await _result(options.out, prompt, request, await bench.run(request))

    return show(work(settings, read, do), _readable, as_json=options.json)


async def _result(
    out: Path, prompt: Prompt, request: api.DrawingRequest, finished: api.Finished
) -> Result:
    pngs = [picture.png for picture in finished.pictures]
    return {
        "seed": request.seed,
        "model": request.model,
        "prompt": prompt.canonical(),
        "images": await asyncio.to_thread(_write, out, pngs),
        "timings": {stage: round(seconds, 3) for stage, seconds in finished.timings.items()},
    }


def _write(out: Path, pngs: list[bytes]) -> list[str]:
    out.mkdir(parents=True, exist_ok=True)
    (out / "grid.png").write_bytes(make_grid(pngs))
    paths = [out / f"{label}.png" for label in range(1, len(pngs) + 1)]
    for path, png in zip(paths, pngs, strict=True):
        path.write_bytes(png)
    return [str(path) for path in paths]


def _readable(result: Result) -> str:
    stages = "  ".join(f"{stage} {seconds:.2f} s" for stage, seconds in result["timings"].items())
    lines = (
        f"prompt  {result['prompt']}",
        f"seed    {result['seed']}",
        f"model   {result['model']}",
        f"images  {Path(result['images'][0]).parent}",
        f"time    {stages}",
    )
    return "\n".join(lines)
