from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from storage import Database, Jobs, NewPicture, Pictures

if TYPE_CHECKING:
    from tests.storage.conftest import FakeClock, MakeJob


async def finish_with(jobs: Jobs, make_job: MakeJob, *drawn: NewPicture) -> int:
    claimed = await jobs.claim((await jobs.submit(make_job())).job.id, "gpu-0", 30)
    assert claimed is not None
    assert await jobs.finish(claimed.job.id, claimed.fence, drawn, {})
    return claimed.job.id


async def test_a_picture_comes_back_as_it_was_given(
    db: Database, jobs: Jobs, make_job: MakeJob, picture: NewPicture, clock: FakeClock
) -> None:
    job_id = await finish_with(jobs, make_job, picture)
    found = await Pictures(db).get(job_id, 0)
    assert found is not None
    for field in ("sha256", "seed", "width", "height", "model", "media_type", "size_bytes"):
        assert getattr(found, field) == getattr(picture, field)
    assert (found.created_at, found.deleted_at) == (clock.now, None)
    assert await Pictures(db).get(job_id, 1) is None


async def test_a_deleted_picture_is_not_found_and_its_neighbours_are(
    db: Database, jobs: Jobs, make_job: MakeJob, picture: NewPicture
) -> None:
    pictures = Pictures(db)
    job_id = await finish_with(jobs, make_job, picture, replace(picture, image_index=1))
    deleted = await pictures.delete(job_id, 0)
    assert deleted is not None
    assert await pictures.delete(job_id, 0) is None
    assert await pictures.get(job_id, 0) is None
    assert [kept.image_index for kept in await pictures.of_job(job_id)] == [1]


async def test_a_blob_is_unused_when_its_last_picture_is_deleted(
    db: Database, jobs: Jobs, make_job: MakeJob, picture: NewPicture
) -> None:
    pictures = Pictures(db)
    first = await finish_with(jobs, make_job, picture)
    second = await finish_with(jobs, make_job, picture)
    assert [found.job_id for found in await pictures.by_sha256(picture.sha256)] == [first, second]
    await pictures.delete(first, 0)
    assert len(await pictures.by_sha256(picture.sha256)) == 1
    await pictures.delete(second, 0)
    assert await pictures.by_sha256(picture.sha256) == []
