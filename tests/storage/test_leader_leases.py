from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from storage import Database, Leases

if TYPE_CHECKING:
    from tests.storage.conftest import FakeClock


async def test_a_lease_has_one_owner(db: Database, other_db: Database) -> None:
    stores = [Leases(db), Leases(other_db)] * 4
    fences = await asyncio.gather(
        *(store.acquire("dispatcher", f"bot-{n}", 30) for n, store in enumerate(stores))
    )
    assert [fence for fence in fences if fence is not None] == [1]


async def test_a_lease_that_ran_out_goes_to_the_next_with_a_higher_fence(
    db: Database, clock: FakeClock
) -> None:
    leases = Leases(db, clock=clock)
    first = await leases.acquire("dispatcher", "a", 30)
    assert first is not None
    clock.advance(20)
    assert await leases.renew("dispatcher", first, 30)
    clock.advance(20)
    assert await leases.acquire("dispatcher", "b", 30) is None
    clock.advance(10)
    second = await leases.acquire("dispatcher", "b", 30)
    assert second is not None
    assert second > first
    assert not await leases.renew("dispatcher", first, 30)
    assert not await leases.release("dispatcher", first)


async def test_a_released_lease_is_free_at_once_and_its_fence_still_grows(
    db: Database, clock: FakeClock
) -> None:
    leases = Leases(db, clock=clock)
    first = await leases.acquire("dispatcher", "a", 30)
    assert first is not None
    assert await leases.release("dispatcher", first)
    assert await leases.acquire("dispatcher", "a", 30) == first + 1


async def test_leases_of_different_names_do_not_meet(db: Database) -> None:
    leases = Leases(db)
    assert await leases.acquire("dispatcher", "a", 30) == 1
    assert await leases.acquire("janitor", "b", 30) == 1
