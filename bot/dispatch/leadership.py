"""Who dispatches: of all bots on one database, the holder of the `dispatcher` lease.

A process that was stopped, or whose machine slept, wakes up believing that it still leads. It finds
out before it claims a job or sends a delivery, and then ends with `LeaseLostError`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket

from storage import Leader, Leases

logger = logging.getLogger(__name__)

LEASE = "dispatcher"


class LeaseLostError(Exception):
    """Another process leads now; whatever this one still holds is worth nothing."""

    def __init__(self) -> None:
        super().__init__(
            "another bot on this database has taken over, because this one was silent for longer"
            " than EASEL_LEASE_SECONDS; it stops here, and no job is lost"
        )


class Leadership:
    """The lease under which this process dispatches and delivers."""

    def __init__(self, leases: Leases, *, seconds: float) -> None:
        self._leases = leases
        self.seconds = seconds
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._fence: int | None = None
        self._until = 0.0
        self._taken = asyncio.Event()

    @property
    def leader(self) -> Leader:
        """What a claim must name. Raises LeaseLostError where there is no lease."""
        if self._fence is None:
            raise LeaseLostError
        return Leader(name=LEASE, fence=self._fence)

    @property
    def is_current(self) -> bool:
        """Whether the lease has surely not run out, as far as this process's own clock tells."""
        return self._fence is not None and asyncio.get_running_loop().time() < self._until

    async def take(self) -> None:
        """Wait until nobody else leads, and lead."""
        waited = False
        while self._fence is None:
            asked_at = asyncio.get_running_loop().time()
            self._fence = await self._leases.acquire(LEASE, self._owner, self.seconds)
            if self._fence is not None:
                break
            if not waited:
                logger.warning("another bot on this database dispatches; waiting for its lease")
            waited = True
            await asyncio.sleep(min(1.0, self.seconds / 4))
        self._until = asked_at + self.seconds
        self._taken.set()

    async def taken(self) -> None:
        """Wait until this process leads."""
        await self._taken.wait()

    async def renew(self) -> None:
        """Lead for a while longer. Raises LeaseLostError."""
        asked_at = asyncio.get_running_loop().time()
        if not await self._leases.renew(LEASE, self.leader.fence, self.seconds):
            raise LeaseLostError
        self._until = asked_at + self.seconds

    async def check(self) -> None:
        """Raise LeaseLostError unless this process leads at this moment."""
        if not await self._leases.holds(LEASE, self.leader.fence):
            # Run out, but not taken by anyone: a long pause alone deposes nobody.
            await self.renew()

    async def release(self) -> None:
        """Let another process lead at once."""
        if self._fence is not None:
            await self._leases.release(LEASE, self._fence)
