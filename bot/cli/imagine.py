"""`easel imagine`: a prompt becomes files, through the same language, recipe and engine as the bot.

No Discord and no database. The pictures are the only thing on disk, the result the only thing on
standard output; progress goes to the terminal on standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bot import recipe
from bot.cli.start import REFUSALS, Started, open_executor
from bot.dispatch.submit import seed_of, with_seed
from bot.errors import UserError
from bot.prompt import Prompt, PromptError, parse_all
from bot.settings import Settings
from bot.shelf import Shelf
from engine import api
from engine.images import make_grid
from engine.models.catalog import Catalog, CatalogError

EXIT_FAILED = 1
EXIT_REFUSED = 2


class DrawingError(Exception):
    """The engine could not draw; the message is a sentence for the user."""


def imagine(settings: Settings, options: argparse.Namespace) -> int:
    """Draw one prompt into a folder; return the exit code."""
    try:
        shelf = Shelf.of(
            Catalog.load(settings.catalog), settings.resolved_models_dir, default_model=""
        )
        (asked,) = parse_all(options.prompt, shelf.vocabulary, limit=1)
        recipe.check(asked)
        prompt = with_seed(asked)
    except (CatalogError, recipe.CannotDrawError) as error:
        print(f"easel: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except PromptError as error:
        print(error.render().replace("```\n", "").replace("```", ""), file=sys.stderr)
        return EXIT_REFUSED
    try:
        result = asyncio.run(_draw(settings, shelf, prompt, options.out))
    except UserError as error:
        print(f"easel: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except (DrawingError, *REFUSALS) as error:
        print(f"easel: {error}", file=sys.stderr)
        return EXIT_FAILED
    print(json.dumps(result, indent=2) if options.json else _readable(result))
    return 0


async def _draw(settings: Settings, shelf: Shelf, prompt: Prompt, out: Path) -> dict[str, object]:
    async with open_executor(settings) as started:
        card = replace(shelf, default_model=started.card.name).card(prompt)
        request = recipe.text_to_image(prompt, card=card, seed=seed_of(prompt))
        with _progress_bar() as advance:
            finished = await _run(started, request, advance)
    images = await asyncio.to_thread(_write, out, [picture.png for picture in finished.pictures])
    return {
        "seed": request.seed,
        "model": request.model,
        "prompt": prompt.canonical(),
        "images": images,
        "timings": {stage: round(seconds, 3) for stage, seconds in finished.timings.items()},
    }


async def _run(
    started: Started, request: api.Request, advance: Callable[[int, int], None]
) -> api.Finished:
    executor = started.executor
    events = executor.events()
    item = api.WorkItem(job_id=1, fence=1, request=request)
    await executor.submit(executor.slots()[0].id, [item])
    async for event in events:
        match event:
            case api.Progress():
                advance(event.step, event.total)
            case api.Finished():
                return event
            case api.Failed():
                raise DrawingError(event.message)
            case api.Lost():
                raise DrawingError(f"The worker died: {event.reason}. See `easel doctor`.")
            case _:
                continue
    raise DrawingError("The worker stopped before the pictures were done. See `easel doctor`.")


@contextlib.contextmanager
def _progress_bar() -> Iterator[Callable[[int, int], None]]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _step, _total: None
        return
    columns = (TextColumn("drawing"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("drawing", total=None)
        yield lambda step, total: bar.update(task, completed=step, total=total)


def _write(out: Path, pngs: list[bytes]) -> list[str]:
    out.mkdir(parents=True, exist_ok=True)
    (out / "grid.png").write_bytes(make_grid(pngs))
    paths = [out / f"{label}.png" for label in range(1, len(pngs) + 1)]
    for path, png in zip(paths, pngs, strict=True):
        path.write_bytes(png)
    return [str(path) for path in paths]


def _readable(result: dict[str, object]) -> str:
    images, timings = result["images"], result["timings"]
    if not isinstance(images, list) or not isinstance(timings, dict):
        raise TypeError("the result has another shape")
    stages = "  ".join(f"{stage} {seconds:.2f} s" for stage, seconds in timings.items())
    lines = (
        f"prompt  {result['prompt']}",
        f"seed    {result['seed']}",
        f"model   {result['model']}",
        f"images  {Path(images[0]).parent}",
        f"time    {stages}",
    )
    return "\n".join(lines)
