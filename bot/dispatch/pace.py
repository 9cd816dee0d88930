"""How long jobs take here: learned from the timings of those that were drawn.

A grid's time is a fixed part (encoding, decoding, PNG) and a part that grows with its cost (steps,
pictures, pixels); both are medians per model, size and device. Loading a model is left out: it
happens once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from storage import TimedJob

REMEMBERED = 20
_DRAWING = ("base", "refiner")


@dataclass(slots=True)
class _Record:
    """The last measurements of one kind of job."""

    per_cost: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    fixed: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def seconds(self, cost: float) -> float:
        return median(self.fixed) + cost * median(self.per_cost)


class Pace:
    """Estimates how long a job will take."""

    def __init__(self, timed: Iterable[TimedJob] = ()) -> None:
        """Begin with what jobs of the past took, the oldest first."""
        self._records: dict[tuple[str, str | None], _Record] = {}
        for job in timed:
            self.learn(job)

    def learn(self, job: TimedJob) -> None:
        """Remember how long a job took."""
        drawing = sum(job.timings.get(stage, 0.0) for stage in _DRAWING)
        rest = job.timings.get("total", drawing) - drawing - job.timings.get("load", 0.0)
        model = job.compat_key.partition(":")[0]
        # What is known of this size here answers first, then this size elsewhere, then this model:
        # a job's cost counts its pixels, so another size is a fair guess.
        for kind in (
            (job.compat_key, job.device),
            (job.compat_key, None),
            (model, job.device),
            (model, None),
        ):
            record = self._records.setdefault(kind, _Record())
            record.per_cost.append(drawing / job.cost)
            record.fixed.append(max(0.0, rest))

    def seconds(self, compat_key: str, cost: float, device: str | None) -> float | None:
        """Return how long such a job takes on a device. None: none was ever timed."""
        model = compat_key.partition(":")[0]
        for kind in ((compat_key, device), (model, device), (compat_key, None), (model, None)):
            if record := self._records.get(kind):
                return record.seconds(cost)
        return None
