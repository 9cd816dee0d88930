"""The door: pictures from links and files lie in the store before anything is queued."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest

from bot.errors import UserError
from bot.pictures.addresses import PUBLIC
from bot.pictures.decode import Decoder, PictureRefusedError
from bot.pictures.fetch import Fetcher, LinkRefusedError
from bot.pictures.intake import MAX_LINKS, Intake
from storage import Blobs
from tests.bot.pictures.files import png


async def read(data: bytes) -> bytes:
    return data


@pytest.fixture
async def blobs() -> Blobs:
    return Blobs.open("memory:///")


@pytest.fixture
async def intake(blobs: Blobs) -> AsyncIterator[Intake]:
    async with Fetcher(reach=PUBLIC) as fetcher:
        yield Intake(fetcher=fetcher, decoder=Decoder(), blobs=blobs)


async def test_each_picture_is_stored_once_under_its_pixels(intake: Intake, blobs: Blobs) -> None:
    files = {
        "a": partial(read, png()),
        "b": partial(read, png(level=0, before=[(b"tEXt", b"Comment\0x")])),
        "c": partial(read, png((3, 3))),
    }
    sources = await intake.take(["a", "b", "c", "a"], files)
    assert [*sources] == ["a", "b", "c"]
    assert sources["a"] == sources["b"] != sources["c"]
    assert (await blobs.get(sources["c"])).startswith(b"\x89PNG")


async def test_one_refusal_is_one_sentence(intake: Intake) -> None:
    files = {
        "a": partial(read, b"text"),
        "b": partial(read, b"more text"),
        "c": partial(read, png()),
    }
    with pytest.raises(PictureRefusedError, match="not a PNG"):
        await intake.take([*files], files)
    with pytest.raises(LinkRefusedError):
        await intake.take(["c", "http://127.0.0.1/"], files)


async def test_too_many_pictures_are_refused_before_one_is_read(intake: Intake) -> None:
    async def never() -> bytes:
        raise AssertionError

    files = {str(index): never for index in range(MAX_LINKS + 1)}
    with pytest.raises(UserError, match="10 is the limit"):
        await intake.take([*files], files)
