"""How a job's message is reached: by the interaction's token, by the channel, or by the user.

An interaction's token dies after 15 minutes, a channel can be deleted, a message too. Each way is
tried in turn, the one that cannot show anything twice first.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import discord

from bot.dispatch.breaker import Breaker
from bot.dispatch.retry import TRANSIENT, retried
from storage import JobRecord

logger = logging.getLogger(__name__)

TOKEN_MARGIN = timedelta(minutes=1)
"""An edit that is held back by a rate limit must still arrive while the token lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A file on a message. Bytes, because discord.py closes a `File` once it is sent."""

    data: bytes
    filename: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a job's message shall be."""

    content: str
    picture: Picture | None = None
    view: Callable[[], discord.ui.View] | None = None
    nonce: str | None = None
    """Makes Discord answer with the first message when the same one is sent again."""


Way = Callable[[JobRecord, Message], Awaitable[int]]
"""Shows a message and returns its id; raises what discord.py raises."""


class UndeliverableError(Exception):
    """No way leads to the user; the result waits in their history."""


class Messenger:
    """Shows a job's message, wherever it can be shown."""

    def __init__(self, client: discord.Client, *, breaker: Breaker) -> None:
        self._client = client
        self._breaker = breaker

    async def progress(self, job: JobRecord, message: Message) -> None:
        """Edit the job's message by its token; what cannot be shown now is not shown."""
        if not _token_lives(job) or self._breaker.is_sparing:
            return
        try:
            await self._edit_by_token(job, message)
        except (discord.HTTPException, *TRANSIENT) as error:
            logger.debug("progress not shown job_id=%d: %s", job.id, error)

    async def deliver(self, job: JobRecord, message: Message) -> int:
        """Show the job's last state; return the message's id.

        Raises UndeliverableError when no way is left, and lets passing troubles through.
        """
        ways: list[Way] = [self._edit_in_channel] if job.message_id is not None else []
        ways += [self._send, self._direct]
        if _token_lives(job):
            ways.insert(0, self._edit_by_token)
        for way in ways:
            try:
                return await retried(
                    partial(way, job, message), by_token=way == self._edit_by_token
                )
            except (discord.NotFound, discord.Forbidden) as error:
                logger.info("no way %s job_id=%d: %s", way.__name__, job.id, error)
            except discord.HTTPException as error:
                if error.status != 401:
                    raise
                logger.info("no way %s job_id=%d: %s", way.__name__, job.id, error)
        raise UndeliverableError(f"job {job.id}")

    async def replace(self, token: str, message_id: int | None, content: str) -> None:
        """Let an interaction's message say this and nothing else; None: its own answer."""
        await self._webhook(token).edit_message(
            "@original" if message_id is None else message_id,  # type: ignore[arg-type]
            content=content,
            attachments=[],
            view=None,
        )

    async def _edit_by_token(self, job: JobRecord, message: Message) -> int:
        if job.message_id is None or job.interaction_token is None:
            raise ValueError(f"job {job.id} has no interaction")
        await self._webhook(job.interaction_token).edit_message(
            job.message_id,
            content=message.content,
            attachments=files_of(message),
            view=message.view() if message.view else None,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        return job.message_id

    def _webhook(self, token: str) -> discord.Webhook:
        application_id = self._client.application_id
        if application_id is None:
            raise ConnectionError("the bot is not logged in yet")
        return discord.Webhook.partial(application_id, token, client=self._client)

    async def _edit_in_channel(self, job: JobRecord, message: Message) -> int:
        channel = self._client.get_partial_messageable(job.channel_id, guild_id=job.guild_id)
        edited = await channel.get_partial_message(job.message_id or 0).edit(
            content=message.content,
            attachments=files_of(message),
            view=message.view() if message.view else None,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        return edited.id

    async def _send(self, job: JobRecord, message: Message) -> int:
        channel = self._client.get_partial_messageable(job.channel_id, guild_id=job.guild_id)
        return await self._post(channel, message)

    async def _direct(self, job: JobRecord, message: Message) -> int:
        user = await self._client.fetch_user(job.user_id)
        return await self._post(user, message)

    async def _post(self, where: discord.abc.Messageable, message: Message) -> int:
        view = message.view() if message.view else discord.utils.MISSING
        sent = await where.send(
            content=message.content,
            files=files_of(message),
            view=view,
            nonce=message.nonce or discord.utils.MISSING,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        return sent.id


def files_of(message: Message) -> list[discord.File]:
    """Return a message's files, to be sent once."""
    if message.picture is None:
        return []
    return [discord.File(io.BytesIO(message.picture.data), message.picture.filename)]


def _token_lives(job: JobRecord) -> bool:
    if (
        job.message_id is None
        or job.interaction_token is None
        or job.interaction_expires_at is None
    ):
        return False
    return datetime.now(UTC) < job.interaction_expires_at - TOKEN_MARGIN
