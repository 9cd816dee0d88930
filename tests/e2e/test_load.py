"""A crowd types at once: everybody is answered in time, and served."""

from pathlib import Path

import pytest

from tests.benchmarks.load import measure


@pytest.mark.slow
async def test_a_crowd_is_answered_in_time_and_served(tmp_path: Path) -> None:
    load = await measure(tmp_path, seconds=5, users=50, per_minute=300, draw_seconds=0.1)
    assert load.unanswered == 0
    assert load.jobs == load.done == len(load.acknowledgements) > 0
    # Discord's own limit is 3 s; even a busy machine is far from it.
    assert max(load.acknowledgements) < 2.5
