"""The line of those who wait: what each is told, kept true while the line moves.

The order is the policy's own, played forward; the times are learned from what was drawn here. What
is shown goes through the progress board, so that nothing waits for Discord and an old place never
lands on a newer state.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.dispatch.forecast import Place, Station, forecast
from bot.dispatch.pace import Pace
from bot.dispatch.pick import Policy, Seat
from engine.api import Executor, Slot
from storage import JobRecord, Jobs, JobState, QueuedJob, TimedJob

VIEW_LIMIT = 1000
"""More than may wait; what lies beyond is served later and sees no place until then."""
ALWAYS_SHOWN = 10
"""The first places are corrected at every move, the others in turn."""
SHOWN_AT_ONCE = 20
LEARN_FROM = 500
"""Jobs of the past that a new process learns from."""

ShowPlace = Callable[[JobRecord, Place], None]
"""Shows a waiting job its place; must return at once."""


@dataclass(slots=True)
class Drawing:
    """A job on a device, and how far it is."""

    job: JobRecord
    slot_id: str
    begun_at: float
    batch_cost: float
    """Of all jobs that are drawn with it."""
    share_done: float = 0.0


class Line:
    """Knows who waits in which place, and tells them."""

    def __init__(
        self, *, jobs: Jobs, executor: Executor, policy: Policy, show: ShowPlace, min_seconds: float
    ) -> None:
        self.policy = policy
        self.drawing: dict[int, Drawing] = {}
        """What is being drawn now, by job id; the dispatcher keeps it."""
        self._jobs = jobs
        self._executor = executor
        self._show = show
        self._min_seconds = min_seconds
        self._pace = Pace()
        self._moved = asyncio.Event()
        self._shown: dict[int, Place] = {}

    @property
    def running(self) -> Mapping[int, int]:
        """Count the devices that draw for each user."""
        drawn = {(drawing.job.user_id, drawing.slot_id) for drawing in self.drawing.values()}
        return Counter(user_id for user_id, _ in drawn)

    def moved(self) -> None:
        """Note that somebody's place may have changed."""
        self._moved.set()

    def learn(self, job: JobRecord, timings: dict[str, float]) -> None:
        """Remember how long a job took."""
        self._pace.learn(
            TimedJob(compat_key=job.compat_key, device=job.device, cost=job.cost, timings=timings)
        )

    async def queue(self) -> list[QueuedJob]:
        """Return the waiting jobs, oldest first."""
        return await self._jobs.queue_view(VIEW_LIMIT)

    async def places(self) -> list[Place]:
        """Return who waits, in the order in which the policy will serve them."""
        queue = await self.queue()
        stations = [self._station(slot) for slot in self._executor.slots()] or [_NO_STATION]
        lasts = {
            (job.id, station.device): self._pace.seconds(job.compat_key, job.cost, station.device)
            for job in queue
            for station in stations
        }
        # A long queue takes a while to play forward, and the event loop must not wait for it.
        return await asyncio.to_thread(
            forecast,
            queue,
            stations,
            now=datetime.now(UTC),
            policy=self.policy,
            seconds=lambda job, device: lasts[job.id, device],
        )

    def seconds_left(self, drawing: Drawing) -> float | None:
        """Estimate how long a running job still takes."""
        job, done = drawing.job, drawing.share_done
        elapsed = time.monotonic() - drawing.begun_at
        estimate = self._pace.seconds(job.compat_key, drawing.batch_cost, job.device)
        if estimate is not None:
            return max(0.0, estimate - elapsed) if done == 0 else estimate * (1 - done)
        return elapsed / done * (1 - done) if done > 0 else None

    async def announce(self, job_id: int) -> None:
        """Tell one job its place now, if it still waits."""
        for place in await self.places():
            if place.job_id == job_id:
                await self._tell(place)

    async def run(self) -> None:
        """Correct what is shown, whenever the line has moved, until cancelled."""
        past = await self._jobs.timed(LEARN_FROM)
        self._pace = Pace(reversed(past))
        while True:
            await self._moved.wait()
            self._moved.clear()
            places = await self.places()
            for place in self._outdated(places):
                await self._tell(place)
            waiting = {place.job_id for place in places}
            self._shown = {id_: one for id_, one in self._shown.items() if id_ in waiting}
            await asyncio.sleep(self._min_seconds)

    def _outdated(self, places: list[Place]) -> list[Place]:
        """Return whom to tell: the first ones always, of the others those who know least."""
        outdated = [place for place in places if _differs(place, self._shown.get(place.job_id))]
        first = [place for place in outdated if place.jobs_ahead < ALWAYS_SHOWN]
        others = [place for place in outdated if place.jobs_ahead >= ALWAYS_SHOWN]
        others.sort(key=self._error, reverse=True)
        return [*first, *others][:SHOWN_AT_ONCE]

    def _error(self, place: Place) -> int:
        shown = self._shown.get(place.job_id)
        return abs(shown.jobs_ahead - place.jobs_ahead) if shown else VIEW_LIMIT

    async def _tell(self, place: Place) -> None:
        job = await self._jobs.get(place.job_id)
        # The row was read a moment ago; a claim since then is known here before it is shown.
        if job is None or job.state is not JobState.QUEUED or job.id in self.drawing:
            return
        self._shown[place.job_id] = place
        self._show(job, place)

    def _station(self, slot: Slot) -> Station:
        drawings = [self.drawing[id_] for id_ in slot.job_ids if id_ in self.drawing]
        return Station(
            seat=Seat.of(slot),
            device=slot.device_name,
            user_ids=frozenset(drawing.job.user_id for drawing in drawings),
            busy_seconds=0.0 if slot.ready else self._busy_seconds(drawings),
        )

    def _busy_seconds(self, drawings: Sequence[Drawing]) -> float | None:
        left = [self.seconds_left(drawing) for drawing in drawings]
        known = [seconds for seconds in left if seconds is not None]
        return max(known) if known and len(known) == len(left) else None


_NO_STATION = Station(seat=Seat(slot_id="", loaded=frozenset()), device="", busy_seconds=None)
"""Stands in while no worker is up: the order is known, the times are not."""


def _differs(place: Place, shown: Place | None) -> bool:
    if shown is None or shown.jobs_ahead != place.jobs_ahead:
        return True
    return (shown.wait_seconds is None) != (place.wait_seconds is None)
