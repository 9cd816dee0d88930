"""The policy, as a table of claims over queues and slots."""

from datetime import UTC, datetime

from bot.dispatch.pick import Assignment, pick
from engine.api import Slot
from storage import QueuedJob


def job(job_id: int, *, model: str = "pocket") -> QueuedJob:
    return QueuedJob(
        id=job_id,
        user_id=1,
        guild_id=None,
        lane="fast",
        compat_key=model,
        model=model,
        attempts=0,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def slot(slot_id: str, *, ready: bool = True, loaded: frozenset[str] = frozenset()) -> Slot:
    return Slot(
        id=slot_id,
        device="cpu",
        device_name="a processor",
        memory_bytes=1,
        ready=ready,
        loaded=loaded,
        job_id=None if ready else 99,
    )


def test_the_oldest_job_goes_first() -> None:
    assert pick([job(1), job(2)], [slot("a")]) == [Assignment(job_id=1, slot_id="a")]


def test_a_busy_slot_gets_nothing() -> None:
    assert pick([job(1)], [slot("a", ready=False)]) == []


def test_no_slot_gets_two_jobs() -> None:
    picked = pick([job(1), job(2), job(3)], [slot("a"), slot("b")])
    assert [assignment.slot_id for assignment in picked] == ["a", "b"]


def test_a_job_prefers_the_slot_that_holds_its_model() -> None:
    slots = [slot("cold"), slot("warm", loaded=frozenset({"sdxl"}))]
    assert pick([job(1, model="sdxl")], slots) == [Assignment(job_id=1, slot_id="warm")]


def test_a_job_does_not_wait_for_a_warm_slot() -> None:
    slots = [slot("cold"), slot("warm", ready=False, loaded=frozenset({"sdxl"}))]
    assert pick([job(1, model="sdxl")], slots) == [Assignment(job_id=1, slot_id="cold")]


def test_an_empty_queue_is_no_work() -> None:
    assert pick([], [slot("a")]) == []
