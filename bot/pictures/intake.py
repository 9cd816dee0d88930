"""The door itself: what a wish is drawn from is fetched, decoded and stored before it is queued."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import MappingProxyType

from bot.errors import UserError
from bot.pictures.decode import Decoder
from bot.pictures.fetch import Fetcher
from storage import Blobs

MAX_LINKS = 10
AT_ONCE = 4
"""Each may hold a file of 25 MB in memory."""

Reader = Callable[[], Awaitable[bytes]]
"""Reads a file whose bytes need no fetching."""
_NO_FILES: Mapping[str, Reader] = MappingProxyType({})


class Intake:
    """Takes pictures from outside into the blob store."""

    def __init__(self, *, fetcher: Fetcher, decoder: Decoder, blobs: Blobs) -> None:
        self._fetcher = fetcher
        self._decoder = decoder
        self._blobs = blobs
        self._places = asyncio.Semaphore(AT_ONCE)

    async def take(
        self, links: Collection[str], files: Mapping[str, Reader] = _NO_FILES
    ) -> dict[str, str]:
        """Store every picture; return its sha256 by its link. Raises UserError.

        A link in `files` is read from there; any other is fetched.
        """
        wanted = list(dict.fromkeys(links))
        if len(wanted) > MAX_LINKS:
            raise UserError(
                f"These are {len(wanted)} different pictures, and {MAX_LINKS} is the limit for one"
                " wish. Ask for fewer at once."
            )
        try:
            async with asyncio.TaskGroup() as tasks:
                taking = [tasks.create_task(self._take(link, files.get(link))) for link in wanted]
        except* UserError as refusals:
            # One sentence is enough, and it is the same for every link.
            raise _first(refusals) from None
        return {link: one.result() for link, one in zip(wanted, taking, strict=True)}

    async def _take(self, link: str, reader: Reader | None) -> str:
        async with self._places:
            data = await (self._fetcher.fetch(link) if reader is None else reader())
            picture = await self._decoder.decode(data)
        return await self._blobs.put(picture.png, media_type="image/png")


def _first(group: BaseExceptionGroup[UserError]) -> UserError:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
