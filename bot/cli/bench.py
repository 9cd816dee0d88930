"""The bench of the command line: a worker, the prompt language and the door for pictures.

The same code as the bot's, without Discord and without a database. Files on disk are links to the
language (`file:///...`), read from there and decoded as if they had come from a stranger.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bot.cli.start import REFUSALS, open_executor
from bot.dispatch.drafts import Drafts
from bot.errors import UserError
from bot.pictures.addresses import PUBLIC
from bot.pictures.decode import Decoder
from bot.pictures.fetch import Fetcher
from bot.pictures.intake import Intake
from bot.prompt import Prompt, PromptError, parse_all
from bot.settings import Settings
from bot.shelf import Shelf
from engine import api
from engine.executors.local import LocalExecutor
from engine.models.catalog import Catalog, CatalogError
from storage import Blobs

EXIT_FAILED = 1
EXIT_REFUSED = 2

Result = dict[str, Any]
"""What is printed: plain JSON values."""


class DrawingError(Exception):
    """The engine could not do it; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a command works with."""

    drafts: Drafts
    _executor: LocalExecutor
    _intake: Intake
    _blobs: Blobs

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Bench]:
        """Start a worker for as long as the block runs."""
        async with open_executor(settings) as started, Fetcher(reach=PUBLIC) as fetcher:
            blobs = Blobs.open("memory:///")
            yield cls(
                drafts=Drafts(
                    catalog=started.catalog,
                    default_model=started.card.name,
                    models_dir=settings.resolved_models_dir,
                ),
                _executor=started.executor,
                _intake=Intake(fetcher=fetcher, decoder=Decoder(), blobs=blobs),
                _blobs=blobs,
            )

    async def take(self, links: Sequence[str]) -> dict[str, str]:
        """Decode every picture; return its sha256 by its link. Raises UserError."""
        files = {link: partial(_read, link) for link in links if link.startswith("file:")}
        return await self._intake.take(links, files)

    async def run(self, request: api.Request) -> api.Finished:
        """Hand a request to the worker and wait. Raises DrawingError."""
        blobs = {sha256: await self._blobs.get(sha256) for sha256 in request.image_names()}
        item = api.WorkItem(job_id=1, fence=1, request=request, blobs=blobs)
        events = self._executor.events()
        await self._executor.submit(self._executor.slots()[0].id, [item])
        with _progress_bar() as advance:
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
        raise DrawingError("The worker stopped before it was done. See `easel doctor`.")


def link_to(picture: str) -> str:
    """Return how the language spells a file or a link. Raises UserError."""
    if picture.startswith(("http://", "https://")):
        return picture
    path = Path(picture)
    if not path.is_file():
        raise UserError(f"There is no file {picture}. Give a picture, or a link that begins https.")
    return path.resolve().as_uri()


def read_one(settings: Settings, text: str) -> Prompt:
    """Parse a prompt before a worker is started for it. Raises PromptError and CatalogError."""
    catalog = Catalog.load(settings.catalog)
    shelf = Shelf.of(catalog, settings.resolved_models_dir, default_model="")
    (prompt,) = parse_all(text, shelf.vocabulary, limit=1)
    return prompt


def work(
    settings: Settings, read: Callable[[], Prompt], do: Callable[[Bench, Prompt], Awaitable[Result]]
) -> Result | int:
    """Read what was typed, then do it on a bench; return the result, or the exit code."""
    try:
        prompt = read()
    except (CatalogError, UserError) as error:
        print(f"easel: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except PromptError as error:
        print(error.render().replace("```\n", "").replace("```", ""), file=sys.stderr)
        return EXIT_REFUSED
    try:
        return asyncio.run(_work(settings, prompt, do))
    except UserError as error:
        print(f"easel: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except (DrawingError, *REFUSALS) as error:
        print(f"easel: {error}", file=sys.stderr)
        return EXIT_FAILED


async def _work(
    settings: Settings, prompt: Prompt, do: Callable[[Bench, Prompt], Awaitable[Result]]
) -> Result:
    async with Bench.open(settings) as bench:
        return await do(bench, prompt)


def show(result: Result | int, readable: Callable[[Result], str], *, as_json: bool) -> int:
    """Print a result; return the exit code."""
    if isinstance(result, int):
        return result
    print(json.dumps(result, indent=2, ensure_ascii=False) if as_json else readable(result))
    return 0


async def _read(link: str) -> bytes:
    return await asyncio.to_thread(Path(url2pathname(urlsplit(link).path)).read_bytes)


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
