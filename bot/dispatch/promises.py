"""Promises to users: a message that thinks is answered, or says that its bot died.

Each is written down beside the acknowledgement. It is kept by the transaction that queues its job,
or when the command or button that made it is done. What a dead process has left is made good by the
next one that leads, while the interaction's token lives.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from datetime import datetime

import discord

from bot import messages
from bot.dispatch.leadership import Leadership
from bot.dispatch.messenger import Messenger
from bot.dispatch.retry import TRANSIENT
from bot.dispatch.shield import to_the_end
from storage import Promises

logger = logging.getLogger(__name__)


class PromiseKeeper:
    """Notes what users were promised, and tells them what will not come."""

    def __init__(
        self,
        *,
        promises: Promises,
        leadership: Leadership,
        messenger: Messenger,
    ) -> None:
        self._promises = promises
        self._leadership = leadership
        self._messenger = messenger
        self._own: set[int] = set()
        self._answered: asyncio.Queue[int] = asyncio.Queue()

    def promise(
        self,
        interaction_id: int,
        *,
        token: str,
        expires_at: datetime,
        message_id: int | None = None,
    ) -> Awaitable[None]:
        """Note that a message waits for its content until the calling task has ended.

        `message_id` is None for the interaction's own answer. What is returned writes it down.
        """
        task = asyncio.current_task()
        if task is not None and interaction_id not in self._own:
            self._own.add(interaction_id)
            task.add_done_callback(lambda _: self._answered.put_nowait(interaction_id))
        return self._promises.add(
            interaction_id, token=token, expires_at=expires_at, message_id=message_id
        )

    async def run(self) -> None:
        """Forget what is answered; once this process leads, tell who was left waiting."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._forget(), name="promises-forget")
            tasks.create_task(self._lead(), name="promises-lead")

    async def _forget(self) -> None:
        try:
            while True:
                await self._drop([await self._answered.get()])
        finally:
            await to_the_end(self._drop([]))

    async def _drop(self, interaction_ids: list[int]) -> None:
        while not self._answered.empty():
            interaction_ids.append(self._answered.get_nowait())
        if interaction_ids:
            await self._promises.drop(interaction_ids)
            self._own.difference_update(interaction_ids)

    async def _lead(self) -> None:
        await self._leadership.taken()
        for promise in await self._promises.take_broken(spared=self._own):
            try:
                await self._messenger.replace(
                    promise.interaction_token, promise.message_id, messages.INTERRUPTED
                )
            except (discord.HTTPException, *TRANSIENT) as error:
                logger.info("not told interaction_id=%d: %s", promise.interaction_id, error)
