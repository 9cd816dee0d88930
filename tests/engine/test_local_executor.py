"""The executor with real workers, and with stand-ins that misbehave, over real pipes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from engine.api import (
    Cancelled,
    Event,
    Failed,
    FailureKind,
    Finished,
    Idle,
    ImageToImage,
    Lost,
    Progress,
    Started,
    TextToImage,
    WorkItem,
)
from engine.executors.child import CRASH_LIMIT, Child, ExecutorError
from engine.executors.local import LocalExecutor, visible_device
from engine.frames import Ready, Run, pack
from tests.engine import tiny

ENDS = (Finished, Failed, Cancelled, Lost)
PATIENCE_SECONDS = 120.0
"""For machines that are busy with other things; nothing waits this long when all is well."""

STAND_IN = """
import sys, os
sys.path.insert(0, {root!r})
from engine.api import Started
from engine.frames import Load, Loaded, Ready, Run, pack, read_command
ready = Ready(device="cpu", device_name="x", memory_bytes=1, device_count=0, torch_version="2")
def send(message):
    os.write(1, pack(message))
"""
ROOT = str(Path(__file__).parent.parent.parent)


def make_item(job_id: int = 1, **changes: Any) -> WorkItem:
    fields: dict[str, Any] = {
        "model": "tiny",
        "prompt": "a cat",
        "height": tiny.SIZE,
        "width": tiny.SIZE,
        "seed": 5,
        "num_images": 2,
        "num_inference_steps": 5,
        "denoising_end": 0.6,
    }
    return WorkItem(job_id=job_id, fence=1, request=TextToImage(**(fields | changes)))


@pytest.fixture
def catalog(tmp_path: Path, tiny_folder: Path) -> Path:
    return tiny.write_catalog(tmp_path / "models.toml", tiny_folder)


@contextlib.asynccontextmanager
async def executor_with(catalog: Path) -> AsyncIterator[LocalExecutor]:
    executor = LocalExecutor(models_dir=catalog.parent, catalog=catalog, device="cpu", threads=1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await executor.start()
        try:
            yield executor
        finally:
            await executor.aclose()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - a worker's life has no signal, and needs none
        await asyncio.sleep(0.01)


async def until_end(events: AsyncIterator[Event], job_id: int) -> list[Event]:
    """Collect a job's events up to its last."""
    seen: list[Event] = []
    async for event in events:
        if not isinstance(event, Idle) and event.job_id == job_id:
            seen.append(event)
            if isinstance(event, ENDS):
                break
    return seen


async def test_a_job_is_drawn_cancelled_and_drawn_again(catalog: Path) -> None:
    async with executor_with(catalog) as executor:
        events = executor.events()
        (slot,) = executor.slots()
        assert (slot.id, slot.device, slot.ready) == ("local:0", "cpu", True)
        assert slot.memory_bytes > 2**28

        await executor.load("tiny")
        assert executor.slots()[0].loaded == {"tiny"}

        await executor.submit(slot.id, [make_item()])
        assert executor.slots()[0].job_ids == {1}
        with pytest.raises(LookupError):
            await executor.submit(slot.id, [make_item(2)])
        first = await until_end(events, 1)
        assert isinstance(first[0], Started)
        assert isinstance(first[-1], Finished)
        assert [event.total for event in first if isinstance(event, Progress)][-1:] == [5]
        assert executor.slots()[0].ready

        await executor.submit(slot.id, [make_item(2, num_inference_steps=200)])
        async for event in events:
            if isinstance(event, Progress):
                await executor.cancel(2)
                break
        stopped = await until_end(events, 2)
        assert isinstance(stopped[-1], Cancelled)
        # Steps that were on their way when the order to stop left; far from 200.
        assert max([0, *(event.step for event in stopped if isinstance(event, Progress))]) < 100

        await executor.submit(slot.id, [make_item(3)])
        again = await until_end(events, 3)
        assert isinstance(again[-1], Finished)
        assert [p.png for p in again[-1].pictures] == [p.png for p in first[-1].pictures]


async def test_a_refusal_is_a_failure_with_a_sentence(catalog: Path) -> None:
    async with executor_with(catalog) as executor:
        events = executor.events()
        await executor.submit("local:0", [make_item(1, model="tinny")])
        failed = (await until_end(events, 1))[-1]
        assert isinstance(failed, Failed)
        assert failed.kind is FailureKind.INVALID
        assert "Did you mean 'tiny'" in failed.message

        sha256 = hashlib.sha256(b"no picture").hexdigest()
        fields = {
            name: getattr(make_item().request, name) for name in TextToImage.__struct_fields__
        }
        request = ImageToImage(**fields, image=sha256)
        await executor.submit(
            "local:0",
            [WorkItem(job_id=2, fence=1, request=request, blobs={sha256: b"no picture"})],
        )
        failed = (await until_end(events, 2))[-1]
        assert isinstance(failed, Failed)
        assert "not a PNG" in failed.message

        with pytest.raises(ExecutorError, match="Did you mean"):
            await executor.load("tinny")


async def test_a_killed_worker_loses_its_job_and_another_one_draws(catalog: Path) -> None:
    async with executor_with(catalog) as executor:
        events = executor.events()
        await executor.submit("local:0", [make_item(1, num_inference_steps=200)])
        async for event in events:
            if isinstance(event, Progress):
                os.kill(executor.pids()["local:0"], signal.SIGKILL)
                break
        lost = (await until_end(events, 1))[-1]
        assert isinstance(lost, Lost)
        assert "-9" in lost.reason
        assert not executor.slots()[0].ready
        assert executor.slots()[0].loaded == frozenset()
        with pytest.raises(LookupError):
            await executor.submit("local:0", [make_item(2)])
        await until(lambda: executor.slots()[0].ready)
        await executor.submit("local:0", [make_item(2)])
        assert isinstance((await until_end(events, 2))[-1], Finished)


async def test_closing_ends_the_events_and_leaves_no_process(catalog: Path) -> None:
    async with executor_with(catalog) as executor:
        events = executor.events()
        (pid,) = executor.pids().values()
        await executor.submit("local:0", [make_item(1, num_inference_steps=200)])
        async for event in events:
            if isinstance(event, Progress):
                break
        await executor.aclose()
        assert [type(event) async for event in events if not isinstance(event, Progress)] == [Lost]
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_worker_that_cannot_start_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    executor = LocalExecutor(models_dir=tmp_path, catalog=tmp_path / "gone.toml", device="cpu")
    with pytest.raises(ExecutorError, match=r"gone\.toml"):
        await executor.start()


async def test_unknown_jobs_and_slots(tmp_path: Path) -> None:
    executor = LocalExecutor(models_dir=tmp_path)
    await executor.cancel(1)
    with pytest.raises(LookupError):
        await executor.submit("local:0", [make_item()])
    await executor.aclose()


@pytest.mark.parametrize(
    ("visible", "expected"), [(None, "1"), ("", "1"), ("2,5", "5"), ("GPU-a, GPU-b", "GPU-b")]
)
def test_a_worker_gets_one_of_the_devices_that_the_operator_shows(
    visible: str | None, expected: str
) -> None:
    assert visible_device(visible, 1) == expected


def test_secrets_do_not_reach_the_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = ("DISCORD_TOKEN", "EASEL_DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD")
    for name in (*names, "DATABASE_URL", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "secret")
    environment = LocalExecutor(models_dir=tmp_path, device="cpu")._environment(None)
    assert "secret" not in environment.values()
    assert environment["CUDA_VISIBLE_DEVICES"] == ""
    assert environment["HF_HUB_OFFLINE"] == "1"


# --- stand-ins ------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def child_running(script: str) -> AsyncIterator[tuple[Child, list[Event]]]:
    """Supervise a program that stands in for a worker."""
    events: list[Event] = []
    child = Child(
        "local:0",
        command=[sys.executable, "-c", STAND_IN.format(root=ROOT) + script],
        environment=dict(os.environ),
        emit=events.append,
        first_pause_seconds=0.001,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        supervision = asyncio.create_task(child.supervise())
        await child.has_settled.wait()
        try:
            yield child, events
        finally:
            supervision.cancel()
            await asyncio.wait([supervision])


async def wait_for(events: list[Event], kind: type) -> Event:
    await until(lambda: any(isinstance(event, kind) for event in events))
    return next(event for event in events if isinstance(event, kind))


async def test_a_worker_that_does_not_stop_is_killed_and_the_job_counts_as_cancelled() -> None:
    script = """
send(ready)
(item,) = read_command(sys.stdin.buffer).items
send(Started(job_id=item.job_id, fence=item.fence))
sys.stdin.buffer.read()
"""
    async with child_running(script) as (child, events):
        await child.submit([make_item()])
        await wait_for(events, Started)
        await child.cancel(1, grace_seconds=0.05)
        await wait_for(events, Cancelled)
        assert [type(event) for event in events] == [Idle, Started, Cancelled]


@pytest.mark.parametrize(
    "nonsense", ["b'hello, this is a stray print'", "b'\\x00\\x00\\x00\\x02ab'", "b'\\x00' * 4"]
)
async def test_a_worker_that_talks_nonsense_is_given_up_and_its_job_lost(nonsense: str) -> None:
    script = f"""
send(ready)
read_command(sys.stdin.buffer)
os.write(1, {nonsense})
sys.stdin.buffer.read()
"""
    async with child_running(script) as (child, events):
        await child.submit([make_item()])
        await wait_for(events, Lost)


async def test_a_worker_that_keeps_crashing_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async with child_running("print('no driver', file=sys.stderr); sys.exit(4)") as (child, _):
        await until(lambda: not child.is_healthy)
    assert child.ready is None
    assert child.slot() is None
    assert f"crashed {CRASH_LIMIT} times" in caplog.text
    assert "no driver" in caplog.text


async def test_a_program_that_is_not_there_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    child = Child(
        "local:0",
        command=["/nowhere/python"],
        environment={},
        emit=lambda _: None,
        first_pause_seconds=0.001,
    )
    await child.supervise()
    assert not child.is_healthy
    assert "cannot be started" in caplog.text


async def test_events_of_another_try_are_not_passed_on() -> None:
    script = """
send(ready)
(item,) = read_command(sys.stdin.buffer).items
send(Started(job_id=item.job_id, fence=item.fence - 1))
send(Started(job_id=item.job_id, fence=item.fence))
sys.stdin.buffer.read()
"""
    async with child_running(script) as (child, events):
        await child.submit([make_item()])
        await wait_for(events, Started)
        assert [event.fence for event in events if isinstance(event, Started)] == [1]


async def test_a_worker_that_dies_while_loading_is_an_error() -> None:
    async with child_running("send(ready); read_command(sys.stdin.buffer); sys.exit(1)") as (
        child,
        _,
    ):
        with pytest.raises(ExecutorError, match="ended"):
            await child.load("tiny")


# --- the worker's own side of the pipes -----------------------------------------------------------


def start_worker(catalog: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "engine.worker", "--models-dir", str(catalog.parent)]
    command += ["--catalog", str(catalog), "--device", "cpu", "--threads", "1"]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def test_a_worker_ends_when_whoever_asked_is_gone_even_while_it_draws(catalog: Path) -> None:
    with start_worker(catalog) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(pack(Run([make_item(num_inference_steps=200)])))
        worker.stdin.flush()
        assert worker.stdout.read(4)  # it is alive and ready
        worker.stdin.close()
        assert worker.wait(timeout=PATIENCE_SECONDS) == 0


def test_ctrl_c_in_the_terminal_is_not_for_the_worker(catalog: Path) -> None:
    with start_worker(catalog) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        assert worker.stdout.read(4)
        worker.send_signal(signal.SIGINT)
        worker.stdin.close()
        assert worker.wait(timeout=PATIENCE_SECONDS) == 0


def test_stray_prints_do_not_corrupt_frames() -> None:
    ready = Ready(device="cpu", device_name="x", memory_bytes=1, device_count=0, torch_version="2")
    script = f"""
import os, subprocess, sys
from engine.frames import Ready
from engine.mailboxes import Outbox
from engine.worker import _take_stdout
replies = _take_stdout()
print("a stray print", flush=True)
os.write(1, b"a stray write")
subprocess.run([sys.executable, "-c", "print('a stray child')"])
outbox = Outbox(replies)
outbox.send({ready!r})
outbox.flush(timeout_seconds=30)
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True
    )
    assert answer.stdout == pack(ready)
    assert b"a stray print" in answer.stderr
    assert b"a stray child" in answer.stderr


def test_a_full_pipe_keeps_the_latest_progress_and_every_other_reply() -> None:
    from engine.mailboxes import Outbox

    reading, writing = os.pipe()
    outbox = Outbox(os.fdopen(writing, "wb"))
    big = bytes(512 * 1024)  # more than a pipe holds
    for step in range(1, 101):
        outbox.send(Progress(job_id=1, fence=1, step=step, total=100, preview=big))
    outbox.send(Cancelled(job_id=1, fence=1))
    outbox.send(Started(job_id=2, fence=1))
    data = b""
    last = pack(Started(job_id=2, fence=1))
    while not data.endswith(last):
        data += os.read(reading, 1 << 20)
    os.close(reading)
    assert len(data) < 4 * len(big)
    assert data.endswith(pack(Cancelled(job_id=1, fence=1)) + last)
