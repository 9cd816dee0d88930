"""Orphans: blobs that no row names any more, or that none ever did.

A picture is stored before the row that names it is written, so what has no name may yet get one.
It has two graces: what was put lately is left alone, and what was not is set aside, where it is
still found, before it is deleted. Whatever got a name meanwhile, by however narrow a margin, is put
back. So none of this has to be one transaction with anything: each step may be the last before a
power cut, may be done twice, and may be done by two bots at once.

A store belongs to one database: nobody here knows what another one names.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.blob_names import BlobNames
from storage.blobs import Blobs, StoredBlob
from storage.clock import Clock, utc_now

GRACE = timedelta(days=7)
"""Of either kind. What is under way has its row within minutes. The days are for owners: one who
starts the bot with the wrong database, or brings yesterday's back, loses no picture by it."""
BATCH = 50_000
"""Blobs for which the requests of all jobs are read once: their names are a few megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What was done with how many blobs."""

    set_aside: int
    put_back: int
    deleted: int


class Orphans:
    """Finds them, sets them aside, and deletes them."""

    def __init__(
        self,
        *,
        blobs: Blobs,
        names: BlobNames,
        clock: Clock = utc_now,
        grace: timedelta = GRACE,
        batch: int = BATCH,
    ) -> None:
        self._blobs = blobs
        self._names = names
        self._clock = clock
        self._grace = grace
        self._batch = batch

    async def collect(self) -> Collected:
        """Go through the whole store once. Raises BlobStoreError and BlobListError."""
        # First what lies aside: nothing goes through both graces in one round.
        put_back, deleted = await self._collect_aside()
        set_aside = 0
        async for orphans in self.find():
            set_aside += await self.set_aside(orphans)
        return Collected(set_aside=set_aside, put_back=put_back, deleted=deleted)

    async def find(self) -> AsyncIterator[list[StoredBlob]]:
        """Yield the blobs that nothing names and whose first grace is over, in batches."""
        before = self._clock() - self._grace
        async for batch in self._batches(self._old(before)):
            _, orphans = await self._parted(batch)
            yield orphans

    async def set_aside(self, orphans: Sequence[StoredBlob]) -> int:
        """Set aside those that were not put again since they were found; return how many."""
        return sum([await self._blobs.set_aside(blob) for blob in orphans])

    async def _old(self, before: datetime) -> AsyncIterator[list[StoredBlob]]:
        """Yield what may be an orphan: most of the rest is drawn here, and quickly known."""
        async for page in self._blobs.kept():
            old = [blob for blob in page if blob.stored_at < before]
            drawn = await self._names.drawn([blob.sha256 for blob in old])
            yield [blob for blob in old if blob.sha256 not in drawn]

    async def _collect_aside(self) -> tuple[int, int]:
        """Put back what is named by now, and delete what was not for long enough."""
        before = self._clock() - self._grace
        put_back = deleted = 0
        async for batch in self._batches(self._blobs.aside()):
            named, orphans = await self._parted(batch)
            for blob in named:
                await self._blobs.put_back(blob.sha256)
                put_back += 1
            for blob in orphans:
                if blob.stored_at < before:
                    await self._blobs.drop_aside(blob.sha256)
                    deleted += 1
        return put_back, deleted

    async def _batches(
        self, pages: AsyncIterator[list[StoredBlob]]
    ) -> AsyncIterator[list[StoredBlob]]:
        """Join pages to batches, each worth a look into every request."""
        batch: list[StoredBlob] = []
        async for page in pages:
            batch += page
            if len(batch) >= self._batch:
                yield batch
                batch = []
        yield batch

    async def _parted(
        self, blobs: Sequence[StoredBlob]
    ) -> tuple[list[StoredBlob], list[StoredBlob]]:
        """Return those that a row names, and the orphans."""
        names = await self._names.among([blob.sha256 for blob in blobs])
        named = [blob for blob in blobs if blob.sha256 in names]
        return named, [blob for blob in blobs if blob.sha256 not in names]
