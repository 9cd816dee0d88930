from __future__ import annotations

import io

import msgspec
import pytest

from engine.api import Progress, TextToImage, WorkItem
from engine.frames import (
    HEADER,
    MAX_FRAME_BYTES,
    Cancel,
    Command,
    FrameError,
    Load,
    Loaded,
    Ready,
    Reply,
    Run,
    body_length,
    pack,
    read_command,
    unpack_reply,
)

REQUEST = TextToImage(model="tiny", prompt="猫", height=64, width=64, seed=1)
COMMANDS: list[Command] = [
    Run([WorkItem(job_id=1, fence=2, request=REQUEST, blobs={"a": b"\0\xff"})]),
    Cancel(2**62),
    Load("tiny"),
]
REPLIES: list[Reply] = [
    Ready(device="cpu", device_name="x", memory_bytes=1, device_count=0, torch_version="2"),
    Loaded(models=frozenset({"tiny"}), capacity_pixels=1),
    Progress(job_id=1, fence=1, step=1, total=2, preview=b"webp"),
]


def test_pictures_have_seeds_in_a_row_unless_they_share_one() -> None:
    last = 2**32 - 1
    request = TextToImage(model="tiny", prompt="a", height=64, width=64, seed=last)
    assert [request.seed_of(image_index) for image_index in range(3)] == [last, 0, 1]
    same = msgspec.structs.replace(request, same_seed=True)
    assert [same.seed_of(image_index) for image_index in range(3)] == [last] * 3


def test_commands_arrive_in_order_until_the_stream_ends() -> None:
    stream = io.BytesIO(b"".join(pack(command) for command in COMMANDS))
    assert [read_command(stream) for _ in range(4)] == [*COMMANDS, None]


@pytest.mark.parametrize("reply", REPLIES, ids=[type(reply).__name__ for reply in REPLIES])
def test_replies_arrive_as_they_were_sent(reply: Reply) -> None:
    frame = pack(reply)
    assert body_length(frame[: HEADER.size]) == len(frame) - HEADER.size
    assert unpack_reply(frame[HEADER.size :]) == reply


def test_half_a_frame_is_the_end() -> None:
    frame = pack(COMMANDS[0])
    for length in (0, 3, 4, len(frame) - 1):
        assert read_command(io.BytesIO(frame[:length])) is None


@pytest.mark.parametrize("body", [b"x" * 7, b"\x81\xa4type\xa4nope", b"\x80"])
def test_nonsense_is_no_frame(body: bytes) -> None:
    with pytest.raises(FrameError):
        read_command(io.BytesIO(HEADER.pack(len(body)) + body))


@pytest.mark.parametrize("length", [0, MAX_FRAME_BYTES + 1, 2**32 - 1])
def test_a_length_out_of_bounds_is_no_frame(length: int) -> None:
    with pytest.raises(FrameError, match="outside"):
        body_length(HEADER.pack(length))


def test_a_request_that_no_engine_could_draw_is_no_frame() -> None:
    frame = pack(COMMANDS[0]).replace(b"\xa6height@", b"\xa6height?")
    with pytest.raises(FrameError, match="63"):
        read_command(io.BytesIO(frame))


def test_a_frame_over_the_bound_is_not_sent() -> None:
    with pytest.raises(FrameError, match="over the bound"):
        pack(Progress(job_id=1, fence=1, step=1, total=1, preview=bytes(MAX_FRAME_BYTES)))
