from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from storage import BlobCorruptError, BlobError, BlobMissingError, Blobs, BlobStoreError

PNG = "image/png"
DATA = b"\x89PNG not really"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(params=["folder", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return Blobs.open(tmp_path / "new" / "folder" if request.param == "folder" else "memory:///")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("media_type", [PNG, "image/webp", "image/jpeg"])
async def test_bytes_come_back_by_their_sha256(blobs: Blobs, media_type: str) -> None:
    assert await blobs.put(DATA, media_type) == SHA256
    assert await blobs.exists(SHA256)
    assert await blobs.get(SHA256) == DATA


async def test_putting_twice_stores_once(tmp_path: Path) -> None:
    blobs = Blobs.open(tmp_path)
    assert await blobs.put(DATA, PNG) == await blobs.put(DATA, PNG) == SHA256
    assert files(tmp_path) == [tmp_path / "img" / SHA256[:2] / f"{SHA256}.png"]


async def test_a_changed_blob_is_detected_and_putting_heals_it(tmp_path: Path) -> None:
    blobs = Blobs.open(str(tmp_path))
    await blobs.put(DATA, PNG)
    files(tmp_path)[0].write_bytes(b"half")
    with pytest.raises(BlobCorruptError, match=SHA256):
        await blobs.get(SHA256)
    await blobs.put(DATA, PNG)
    assert await blobs.get(SHA256) == DATA


async def test_a_missing_blob_is_named(blobs: Blobs) -> None:
    assert not await blobs.exists(SHA256)
    with pytest.raises(BlobMissingError, match=SHA256):
        await blobs.get(SHA256)


async def test_a_deleted_blob_is_gone_and_deleting_again_is_fine(blobs: Blobs) -> None:
    await blobs.put(DATA, "image/webp")
    await blobs.delete(SHA256)
    await blobs.delete(SHA256)
    assert not await blobs.exists(SHA256)


async def test_a_big_blob_comes_back_whole(blobs: Blobs) -> None:
    big = bytes(range(256)) * 4 * 2**12 * 2
    assert await blobs.get(await blobs.put(big, PNG)) == big


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "A" * 64, "a" * 63])
async def test_what_is_no_sha256_is_refused(blobs: Blobs, key: str) -> None:
    with pytest.raises(ValueError, match="sha256"):
        await blobs.get(key)


async def test_an_unknown_media_type_is_refused(blobs: Blobs) -> None:
    with pytest.raises(ValueError, match="text/html"):
        await blobs.put(DATA, "text/html")


async def test_a_store_that_fails_is_named(tmp_path: Path) -> None:
    blobs = Blobs.open(tmp_path / "pictures")
    sha256 = await blobs.put(b"a", "image/png")
    shutil.rmtree(tmp_path / "pictures" / "img")
    (tmp_path / "pictures" / "img").write_text("a file where a folder should be")
    with pytest.raises(BlobStoreError, match="the store fails"):
        await blobs.put(b"a", "image/png")
    with pytest.raises(BlobError):
        await blobs.get(sha256)
