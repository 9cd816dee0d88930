"""The progress board: what is shown, what is dropped, and what can never land last."""

import asyncio
from collections.abc import Awaitable, Callable

from bot.dispatch.progress import ProgressBoard


class Screen:
    """A real message as far as the board can see: it takes edits, and they take time."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.begun = asyncio.Event()
        self.let_through = asyncio.Event()
        self.in_flight = 0
        self.most_in_flight = 0

    def edit(self, text: str) -> Callable[[], Awaitable[None]]:
        async def send() -> None:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            self.begun.set()
            await self.let_through.wait()
            self.in_flight -= 1
            self.shown.append(text)

        return send


async def test_the_newest_state_replaces_those_that_were_not_sent() -> None:
    screen = Screen()
    async with ProgressBoard(min_seconds=0) as board:
        board.show(1, screen.edit("10%"))
        await screen.begun.wait()
        for percent in range(20, 100, 10):
            board.show(1, screen.edit(f"{percent}%"))
        screen.begun.clear()
        screen.let_through.set()
        await screen.begun.wait()
        await board.close(1)
    assert screen.shown == ["10%", "90%"]
    assert screen.most_in_flight == 1


async def test_nothing_is_shown_after_a_job_is_closed() -> None:
    screen = Screen()
    screen.let_through.set()
    async with ProgressBoard(min_seconds=60) as board:
        board.show(1, screen.edit("10%"))
        await screen.begun.wait()
        board.show(1, screen.edit("99%"))
        await board.close(1)
        shown_at_close = list(screen.shown)
    assert shown_at_close == screen.shown == ["10%"]


async def test_closing_waits_for_the_edit_in_flight() -> None:
    screen = Screen()
    async with ProgressBoard(min_seconds=0) as board:
        board.show(1, screen.edit("10%"))
        await screen.begun.wait()
        closing = asyncio.create_task(board.close(1))
        await asyncio.sleep(0)
        assert not closing.done()
        screen.let_through.set()
        await closing
    assert screen.shown == ["10%"]


async def test_one_job_never_waits_for_another() -> None:
    slow, quick = Screen(), Screen()
    quick.let_through.set()
    async with ProgressBoard(min_seconds=0) as board:
        board.show(1, slow.edit("10%"))
        await slow.begun.wait()
        board.show(2, quick.edit("10%"))
        await quick.begun.wait()
        await board.close(2)
        assert quick.shown == ["10%"]
        slow.let_through.set()


async def test_closing_a_job_that_never_showed_anything_is_nothing() -> None:
    async with ProgressBoard() as board:
        await board.close(7)
