"""Batches over real pipes: jobs of one slot begin together, and each ends by itself."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from engine.api import ENDS, Cancelled, Event, Finished, Idle, Lost, Progress, Started
from tests.engine import tiny
from tests.engine.test_local_executor import (
    child_running,
    executor_with,
    make_item,
    until,
    wait_for,
)


@pytest.fixture
def catalog(tmp_path: Path, tiny_folder: Path) -> Path:
    return tiny.write_catalog(tmp_path / "models.toml", tiny_folder)


async def test_a_batch_is_drawn_and_one_of_it_cancelled(catalog: Path) -> None:
    async with executor_with(catalog) as executor:
        await executor.load("tiny")
        (slot,) = executor.slots()
        assert slot.capacity_pixels > 2 * 2 * tiny.SIZE**2
        items = [make_item(job_id, seed=job_id, num_inference_steps=60) for job_id in (1, 2, 3)]
        await executor.submit(slot.id, items)
        assert executor.slots()[0].job_ids == {1, 2, 3}
        assert not executor.slots()[0].ready
        ends: dict[int, type[Event]] = {}
        shown: set[int] = set()
        async for event in executor.events():
            if isinstance(event, Progress):
                shown.add(event.job_id)
                if event.job_id == 2 and 2 not in ends:
                    await executor.cancel(2)
            if isinstance(event, ENDS):
                ends[event.job_id] = type(event)
                if len(ends) == 3:
                    break
        assert ends == {1: Finished, 2: Cancelled, 3: Finished}
        assert next(iter(ends)) == 2
        assert shown == {1, 2, 3}
        assert executor.slots()[0].ready


async def test_a_worker_that_dies_loses_all_and_says_when_another_one_is_up(
    catalog: Path,
) -> None:
    async with executor_with(catalog) as executor:
        events = executor.events()
        assert await anext(events) == Idle(slot_id="local:0")
        items = [make_item(job_id, num_inference_steps=200) for job_id in (1, 2)]
        await executor.submit("local:0", items)
        seen: list[Event] = []
        async for event in events:
            if isinstance(event, Progress) and executor.pids():
                os.kill(executor.pids()["local:0"], signal.SIGKILL)
            if not isinstance(event, Progress):
                seen.append(event)
            if isinstance(event, Idle):
                break
        lost = [event for event in seen if isinstance(event, Lost)]
        assert [(event.job_id, event.is_suspect) for event in lost] == [(1, True), (2, True)]
        assert executor.slots()[0].ready


async def test_jobs_that_share_no_key_are_refused(catalog: Path) -> None:
    async with executor_with(catalog) as executor:
        with pytest.raises(ValueError, match="share no batch key"):
            await executor.submit("local:0", [make_item(1), make_item(2, guidance_scale=2.0)])
        assert executor.slots()[0].ready


async def test_whoever_was_drawn_beside_a_job_that_did_not_stop_is_not_suspect() -> None:
    script = """
send(ready)
for item in read_command(sys.stdin.buffer).items:
    send(Started(job_id=item.job_id, fence=item.fence))
sys.stdin.buffer.read()
"""
    async with child_running(script) as (child, events):
        await child.submit([make_item(1), make_item(2)])
        await until(lambda: sum(isinstance(event, Started) for event in events) == 2)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(child.cancel(1, grace_seconds=0.05))
        lost = await wait_for(events, Lost)
    assert isinstance(lost, Lost)
    assert (lost.job_id, lost.is_suspect) == (2, False)
    assert [event.job_id for event in events if isinstance(event, Cancelled)] == [1]
