"""The finished pictures: which job they belong to and which blob holds their bytes.

Rows are written by `Jobs.finish`. A deleted picture keeps its row, so that its job still knows that
it once had one; the questions here do not find it.
"""

from __future__ import annotations

import logging

from sqlalchemy import ColumnElement, select, update

from storage.clock import Clock, utc_now
from storage.database import Database
from storage.records import PictureRecord
from storage.schema import pictures

logger = logging.getLogger(__name__)


class Pictures:
    """Questions and changes about pictures."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def of_job(self, job_id: int) -> list[PictureRecord]:
        """Return a job's pictures in their order."""
        return await self._find(pictures.c.job_id == job_id)

    async def get(self, job_id: int, image_index: int) -> PictureRecord | None:
        """Return one picture, or None where it is not there any more."""
        found = await self._find(pictures.c.job_id == job_id, pictures.c.image_index == image_index)
        return found[0] if found else None

    async def by_sha256(self, sha256: str) -> list[PictureRecord]:
        """Return every drawn picture with these bytes; `BlobNames` knows who else names them."""
        return await self._find(pictures.c.sha256 == sha256)

    async def delete(self, job_id: int, image_index: int) -> PictureRecord | None:
        """Delete one picture and return it as it was. None: it was gone already."""
        change = (
            update(pictures)
            .where(
                pictures.c.job_id == job_id,
                pictures.c.image_index == image_index,
                pictures.c.deleted_at.is_(None),
            )
            .values(deleted_at=self._clock())
            .returning(pictures)
        )
        async with self._database.write() as connection:
            row = (await connection.execute(change)).mappings().one_or_none()
        if row is None:
            return None
        logger.info("picture deleted job_id=%d image_index=%d", job_id, image_index)
        return PictureRecord(**row)

    async def _find(self, *conditions: ColumnElement[bool]) -> list[PictureRecord]:
        query = (
            select(pictures)
            .where(pictures.c.deleted_at.is_(None), *conditions)
            .order_by(pictures.c.job_id, pictures.c.image_index)
        )
        async with self._database.read() as connection:
            found = await connection.execute(query)
            return [PictureRecord(**row) for row in found.mappings()]
