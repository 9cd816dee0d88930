"""Blobs that no row names are removed, late and with care; any other stays."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import JSON, String, insert

from engine.api import (
    Describe,
    ImageCondition,
    ImageToImage,
    Request,
    TextToImage,
    WeightedImage,
    request_to_json,
)
from storage import (
    BlobListError,
    BlobNames,
    Blobs,
    BlobStoreError,
    Database,
    Jobs,
    NewPicture,
    Orphans,
    Pictures,
    Wishes,
)
from storage.blob_names import DRAWN, WRITTEN
from storage.orphans import GRACE, Collected
from storage.schema import jobs as jobs_table
from storage.schema import metadata
from storage.schema import wishes as wishes_table

if TYPE_CHECKING:
    from tests.storage.conftest import MakeJob

DAY = timedelta(days=1)
NOTHING = Collected(set_aside=0, put_back=0, deleted=0)


class Later:
    """The time now, so much later: files are as old as they are."""

    def __init__(self) -> None:
        self.by = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.by


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture(params=["folder", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return Blobs.open(tmp_path / "pictures" if request.param == "folder" else "memory:///")


@pytest.fixture
def orphans(db: Database, blobs: Blobs, later: Later) -> Orphans:
    return Orphans(blobs=blobs, names=BlobNames(db), clock=later, batch=2)


async def put(blobs: Blobs, *texts: str) -> list[str]:
    return [await blobs.put(text.encode(), "image/png") for text in texts]


async def left(blobs: Blobs, sha256s: list[str]) -> list[bool]:
    return [await blobs.exists(sha256) for sha256 in sha256s]


async def draw(jobs: Jobs, make_job: MakeJob, *drawn: NewPicture) -> int:
    claimed = await jobs.claim((await jobs.submit(make_job())).job.id, "gpu-0", 30)
    assert claimed is not None
    assert await jobs.finish(claimed.job.id, claimed.fence, drawn)
    return claimed.job.id


def requests(*sha256s: str) -> list[Request]:
    """Return a request for each place in which one names a picture, in the order of the names."""
    names = iter(sha256s)
    size: dict[str, Any] = {"model": "pocket", "prompt": "a", "height": 64, "width": 64, "seed": 1}

    def condition() -> ImageCondition:
        return ImageCondition(images=(WeightedImage(image=next(names)),))

    return [
        Describe(model="pocket", image=next(names)),
        ImageToImage(**size, image=next(names)),
        TextToImage(**size, image_prompt=condition()),
        TextToImage(**size, style_reference=condition()),
        TextToImage(**size, character_reference=condition()),
    ]


async def test_whatever_a_row_names_stays_for_ever(
    db: Database,
    jobs: Jobs,
    make_job: MakeJob,
    picture: NewPicture,
    blobs: Blobs,
    orphans: Orphans,
    later: Later,
) -> None:
    stored = await put(blobs, *"abcdefgh")
    for request in requests(*stored[:5]):
        await jobs.submit(make_job(request=request_to_json(request)))
    await jobs.submit(make_job(sources={"https://a.b/c.png": stored[5]}))
    await Wishes(db).add(user_id=1, prompt="a", sources={"https://a.b/d.png": stored[6]})
    await draw(jobs, make_job, replace(picture, sha256=stored[7]))
    for days in (8, 16, 400):
        later.by = timedelta(days=days)
        assert await orphans.collect() == NOTHING
    assert await left(blobs, stored) == [True] * 8


async def test_what_no_row_names_is_gone_after_two_graces(
    blobs: Blobs, orphans: Orphans, later: Later
) -> None:
    stored = await put(blobs, *"abcde")
    later.by = GRACE - DAY
    assert await orphans.collect() == NOTHING
    later.by = GRACE + DAY
    assert await orphans.collect() == replace(NOTHING, set_aside=5)
    later.by = GRACE - DAY  # what lies aside is as old as its move
    assert await orphans.collect() == NOTHING
    assert [await blobs.get(sha256) for sha256 in stored] == [b"a", b"b", b"c", b"d", b"e"]
    later.by = GRACE + DAY
    assert await orphans.collect() == replace(NOTHING, deleted=5)
    assert await left(blobs, stored) == [False] * 5


async def test_a_deleted_picture_s_blob_goes_when_no_other_row_names_it(
    db: Database,
    jobs: Jobs,
    make_job: MakeJob,
    picture: NewPicture,
    blobs: Blobs,
    orphans: Orphans,
    later: Later,
) -> None:
    _, shared, varied = stored = await put(blobs, *"abc")
    for sha256 in stored:
        job_id = await draw(jobs, make_job, replace(picture, sha256=sha256))
        assert await Pictures(db).delete(job_id, 0) is not None
    await draw(jobs, make_job, replace(picture, sha256=shared))
    variation = requests(*[varied] * 5)[1]
    await jobs.submit(make_job(request=request_to_json(variation)))
    later.by = GRACE + DAY
    assert await orphans.collect() == replace(NOTHING, set_aside=1)
    assert await orphans.collect() == replace(NOTHING, deleted=1)
    assert await left(blobs, stored) == [False, True, True]


async def test_what_is_put_again_between_the_look_and_the_removal_stays(
    tmp_path: Path, db: Database, later: Later
) -> None:
    blobs = Blobs.open(tmp_path / "pictures")
    orphans = Orphans(blobs=blobs, names=BlobNames(db), clock=later)
    again, gone = await put(blobs, "again", "gone")
    later.by = GRACE + DAY
    found = [orphan async for batch in orphans.find() for orphan in batch]
    await put(blobs, "again")
    assert await orphans.set_aside(found) == 1
    assert (tmp_path / "pictures" / "img" / again[:2] / f"{again}.png").exists()
    assert not (tmp_path / "pictures" / "img" / gone[:2] / f"{gone}.png").exists()


async def test_what_is_named_between_the_look_and_the_removal_is_read_and_put_back(
    jobs: Jobs, make_job: MakeJob, blobs: Blobs, orphans: Orphans, later: Later
) -> None:
    named, never = await put(blobs, "named", "never")
    later.by = GRACE + DAY
    found = [orphan async for batch in orphans.find() for orphan in batch]
    await jobs.submit(make_job(sources={"https://a.b/c.png": named}))
    assert await orphans.set_aside(found) == 2
    assert await blobs.get(named) == b"named"
    assert await orphans.collect() == Collected(set_aside=0, put_back=1, deleted=1)
    assert await left(blobs, [named, never]) == [True, False]
    assert await orphans.collect() == NOTHING


async def test_pictures_that_come_back_while_orphans_are_collected_are_all_found(
    db: Database, jobs: Jobs, make_job: MakeJob, blobs: Blobs
) -> None:
    texts = [f"picture {index}" for index in range(40)]
    stored = await put(blobs, *texts)

    async def take_in_again(text: str) -> None:
        sha256 = await blobs.put(text.encode(), "image/png")
        await jobs.submit(make_job(sources={"https://a.b/c.png": sha256}))

    # Without any grace, so that only the order of the steps protects them.
    orphans = Orphans(blobs=blobs, names=BlobNames(db), grace=timedelta(), batch=5)
    await asyncio.gather(orphans.collect(), *map(take_in_again, texts))
    assert [await blobs.get(sha256) for sha256 in stored] == [text.encode() for text in texts]


async def test_a_round_that_broke_off_anywhere_is_made_good_by_the_next(
    tmp_path: Path, db: Database, jobs: Jobs, make_job: MakeJob, later: Later
) -> None:
    folder = tmp_path / "pictures"
    blobs = Blobs.open(folder)
    orphans = Orphans(blobs=blobs, names=BlobNames(db), clock=later, batch=1)
    named, *others = stored = await put(blobs, *"abcd")
    await jobs.submit(make_job(sources={"https://a.b/c.png": named}))
    later.by = GRACE + DAY
    async for batch in orphans.find():
        if await orphans.set_aside(batch):
            break
    # And as if the power had gone between the copy and the deletion, either way.
    shutil.copytree(folder / "img", folder / "aside", dirs_exist_ok=True)
    for days in (0, GRACE.days + 1, GRACE.days + 1):
        later.by = timedelta(days=days)
        await orphans.collect()
    assert await blobs.get(named) == b"a"
    assert await left(blobs, others) == [False] * 3
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1, stored


async def test_names_are_looked_for_in_more_rows_than_are_read_at_once(db: Database) -> None:
    names = [hashlib.sha256(str(index).encode()).hexdigest() for index in range(2500)]
    rows = [
        {
            "user_id": 1,
            "prompt": "a",
            "sources": {"https://a.b/c.png": name, "https://a.b/d.png": "not a name"},
            "created_at": datetime.now(UTC),
        }
        for name in names
    ]
    async with db.write() as connection:
        await connection.execute(insert(wishes_table), rows)
    assert await BlobNames(db).among([*names, "f" * 64]) == set(names)


async def test_a_store_that_fails_loses_nothing_and_is_named(
    tmp_path: Path, db: Database, later: Later
) -> None:
    blobs = Blobs.open(tmp_path / "pictures")
    orphans = Orphans(blobs=blobs, names=BlobNames(db), clock=later)
    stored = await put(blobs, "a")
    later.by = GRACE + DAY
    (tmp_path / "pictures" / "aside").write_text("a file where a folder should be")
    with pytest.raises(BlobStoreError, match="the store fails"):
        await orphans.collect()
    assert await left(blobs, stored) == [True]
    (tmp_path / "pictures" / "img" / "loop").symlink_to(tmp_path / "pictures" / "img")
    with pytest.raises(BlobListError, match="cannot be listed"):
        await orphans.collect()


def test_every_column_that_may_name_a_blob_is_known() -> None:
    known = {DRAWN, *(column for columns in WRITTEN for column in columns)}
    nameless = {jobs_table.c.timings, jobs_table.c.answer}
    may_name = {
        column
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, JSON)
        or "sha256" in column.name
        or (isinstance(column.type, String) and column.type.length == 64)
    }
    assert may_name - nameless == known
