"""The frames between an executor and its worker: msgpack behind a length of four bytes.

Torch-free. A frame that is longer than the bound, or that is not one of the messages below, means
that the two sides do not speak the same language; whoever reads it gives the other side up.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec

from engine.api import JobEvent, WorkItem

MAX_FRAME_BYTES = 256 * 1024 * 1024
HEADER = struct.Struct(">I")


class FrameError(ValueError):
    """Bytes that are no frame."""


class Run(msgspec.Struct, frozen=True, tag="run"):
    """Draw this batch."""

    items: list[WorkItem]


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Stop this job at its next step."""

    job_id: int


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Bring a model into the device's memory and draw a picture to warm up."""

    model: str


Command = Run | Cancel | Load


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The worker's first frame: what it draws with."""

    device: str
    device_name: str
    memory_bytes: int
    device_count: int
    """Accelerators that this process can see."""
    torch_version: str


class Loaded(msgspec.Struct, frozen=True, kw_only=True, tag="loaded"):
    """What the device's memory holds: sent whenever that changes, and after each Load."""

    models: frozenset[str]
    capacity_pixels: int
    """How large a batch is worth drawing; less, once memory has ended."""
    asked: str | None = None
    """The model of the Load that this answers."""
    error: str | None = None
    """Why that Load failed."""


Reply = Ready | Loaded | JobEvent

_encoder = msgspec.msgpack.Encoder()
_commands: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def pack(message: Command | Reply) -> bytes:
    """Return a message as a frame. Raises FrameError when it is over the bound."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME_BYTES:
        raise FrameError(f"a frame of {len(body)} bytes is over the bound of {MAX_FRAME_BYTES}")
    return HEADER.pack(len(body)) + body


def body_length(header: bytes) -> int:
    """Return the length of the body that follows these four bytes. Raises FrameError."""
    (length,) = HEADER.unpack(header)
    if not 0 < length <= MAX_FRAME_BYTES:
        raise FrameError(f"a frame of {length} bytes is outside 1 to {MAX_FRAME_BYTES}")
    return int(length)


def unpack_command(body: bytes) -> Command:
    """Read a command. Raises FrameError."""
    try:
        return _commands.decode(body)
    except msgspec.MsgspecError as error:
        raise FrameError(str(error)) from error


def unpack_reply(body: bytes) -> Reply:
    """Read a reply. Raises FrameError."""
    try:
        return _replies.decode(body)
    except msgspec.MsgspecError as error:
        raise FrameError(str(error)) from error


def read_command(stream: BinaryIO) -> Command | None:
    """Wait for the next command; None at the end of the stream. Raises FrameError."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    length = body_length(header)
    body = stream.read(length)
    return unpack_command(body) if len(body) == length else None
