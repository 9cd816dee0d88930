"""Interactions: issued to the bot when a person acts, acknowledged once and in time, then alive
for fifteen minutes.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from enum import IntEnum

from bot.playground.clock import Timer
from bot.playground.errors import already_acknowledged, invalid_webhook_token, unknown
from bot.playground.guild import APPLICATION_ID, GUILD_ID, Channel, Permission, User
from bot.playground.limits import MAX_FILE_BYTES
from bot.playground.message import EPHEMERAL, Message
from bot.playground.wire import Payload
from bot.playground.world import Event, World

ACK_SECONDS = 3.0
TOKEN_SECONDS = 15 * 60.0
_REMEMBERED_SECONDS = 3600.0
"""How long a dead token is still told from one that never was."""


class InteractionType(IntEnum):
    """Discord's interaction types."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL_SUBMIT = 5


class CallbackType(IntEnum):
    """Discord's ways to answer."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an interaction went, as the person's app learns it."""

    responded: bool
    callback: CallbackType | None = None
    message: Message | None = None
    modal: Payload | None = None
    choices: list[Payload] = field(default_factory=list)


@dataclass(slots=True, kw_only=True, eq=False)
class Interaction:
    """One act of a person and what the bot made of it."""

    id: str
    token: str
    type: InteractionType
    user: User
    channel: Channel
    issued_at: float
    data: Payload
    metadata: Payload
    """What the bot's messages carry as `interaction_metadata`."""
    outcome: asyncio.Future[Outcome]
    source: Message | None = None
    """The message whose component was pressed, or from which the modal was opened."""
    original: Message | None = None
    """What `@original` stands for."""
    followups: dict[str, Message] = field(default_factory=dict)
    callback: CallbackType | None = None
    deadline: Timer | None = None

    @property
    def command_name(self) -> str | None:
        """Return the slash command's name, None for anything else."""
        is_slash = self.type is InteractionType.COMMAND and self.data["type"] == 1
        return self.data["name"] if is_slash else None

    def summary(self) -> Payload:
        """Return the interaction as the reply to a callback tells of it."""
        summary: Payload = {"id": self.id, "type": self.type, "channel_id": self.channel.id}
        if not self.channel.is_dm:
            summary["guild_id"] = GUILD_ID
        if self.original:
            summary["response_message_id"] = self.original.id
            summary["response_message_loading"] = self.original.is_loading
            summary["response_message_ephemeral"] = bool(self.original.flags & EPHEMERAL)
        return summary


@dataclass(slots=True)
class Interactions:
    """All interactions of a run."""

    world: World
    _by_token: dict[str, Interaction] = field(default_factory=dict)

    def by_id(self, interaction_id: str) -> Interaction | None:
        """Return an interaction, acknowledged or not."""
        return next((one for one in self._by_token.values() if one.id == interaction_id), None)

    def issue(
        self,
        kind: InteractionType,
        user: User,
        channel: Channel,
        data: Payload,
        *,
        source: Message | None = None,
        trigger: Interaction | None = None,
    ) -> Interaction:
        """Let a person act; the bot now has three seconds. `trigger` opened the modal."""
        clock = self.world.clock
        interaction = Interaction(
            id=clock.snowflake(),
            token=secrets.token_urlsafe(32),
            type=kind,
            user=user,
            channel=channel,
            issued_at=clock.now(),
            data=data,
            metadata={},
            outcome=asyncio.get_running_loop().create_future(),
            source=source,
        )
        interaction.metadata = _metadata(interaction, trigger)
        self._forget_old(clock.now())
        self._by_token[interaction.token] = interaction
        interaction.deadline = clock.call_later(ACK_SECONDS, lambda: self._expire(interaction))
        self.world.announce(self._event(interaction))
        return interaction

    def acknowledge(self, interaction_id: str, token: str, callback: CallbackType) -> Interaction:
        """Accept the one answer that an interaction gets. Raises ApiError."""
        interaction = self._by_token.get(token)
        if interaction is None or interaction.id != interaction_id:
            raise unknown("interaction")
        if interaction.callback is not None:
            raise already_acknowledged()
        if interaction.outcome.done():
            raise unknown("interaction")
        interaction.callback = callback
        if interaction.deadline:
            self.world.clock.cancel(interaction.deadline)
        return interaction

    def retract(self, interaction: Interaction) -> None:
        """Take back an answer that turned out invalid: the bot may try again in its three seconds.

        The deadline runs on from when the interaction was issued.
        """
        interaction.callback = None
        clock = self.world.clock
        left = interaction.issued_at + ACK_SECONDS - clock.now()
        interaction.deadline = clock.call_later(left, lambda: self._expire(interaction))

    def by_token(self, application_id: str, token: str) -> Interaction:
        """Return the acknowledged interaction behind a webhook token. Raises ApiError."""
        interaction = self._by_token.get(token)
        if application_id != APPLICATION_ID or interaction is None:
            raise unknown("webhook")
        if self.world.clock.now() - interaction.issued_at > TOKEN_SECONDS:
            raise invalid_webhook_token()
        if interaction.callback is None:
            raise unknown("webhook")
        return interaction

    def settle(self, interaction: Interaction, outcome: Outcome) -> None:
        """Let the person's app know how it went."""
        if not interaction.outcome.done():
            interaction.outcome.set_result(outcome)

    def _forget_old(self, now: float) -> None:
        for token, interaction in list(self._by_token.items()):
            if now - interaction.issued_at < _REMEMBERED_SECONDS:
                break
            del self._by_token[token]

    def close(self) -> None:
        """Let nobody wait any longer."""
        for interaction in self._by_token.values():
            if interaction.deadline:
                self.world.clock.cancel(interaction.deadline)
            self._expire(interaction)

    def _expire(self, interaction: Interaction) -> None:
        self.settle(interaction, Outcome(responded=False))

    def _event(self, interaction: Interaction) -> Event:
        return Event(
            name="INTERACTION_CREATE",
            data=_envelope(interaction, self.world),
            channel_id=interaction.channel.id,
            is_for_people=False,
        )


def _owners(channel: Channel) -> Payload:
    return {"0": "0" if channel.is_dm else GUILD_ID}


def _metadata(interaction: Interaction, trigger: Interaction | None) -> Payload:
    metadata: Payload = {
        "id": interaction.id,
        "type": interaction.type,
        "user": interaction.user.payload(),
        "authorizing_integration_owners": _owners(interaction.channel),
    }
    match interaction.type:
        case InteractionType.COMPONENT if interaction.source:
            metadata["interacted_message_id"] = interaction.source.id
        case InteractionType.MODAL_SUBMIT if trigger:
            metadata["triggering_interaction_metadata"] = trigger.metadata
        case InteractionType.COMMAND if "target_id" in interaction.data:
            key = "target_user" if interaction.data["type"] == 2 else "target_message_id"
            target: str = interaction.data["target_id"]
            users = interaction.data.get("resolved", {}).get("users", {})
            metadata[key] = users[target] if key == "target_user" else target
        case _:
            pass
    return metadata


def _envelope(interaction: Interaction, world: World) -> Payload:
    """Return INTERACTION_CREATE as the gateway sends it."""
    channel, user = interaction.channel, interaction.user
    envelope: Payload = {
        "id": interaction.id,
        "application_id": APPLICATION_ID,
        "type": interaction.type,
        "token": interaction.token,
        "version": 1,
        "data": interaction.data,
        "channel_id": channel.id,
        "channel": channel.payload(),
        "locale": "en-US",
        "app_permissions": str(int(world.bot_permissions(channel))),
        "entitlements": [],
        "authorizing_integration_owners": _owners(channel),
        "context": 1 if channel.is_dm else 0,
        "attachment_size_limit": MAX_FILE_BYTES,
    }
    if interaction.source:
        envelope["message"] = world.payload(interaction.source)
    if channel.is_dm:
        return envelope | {"user": user.payload()}
    permissions = user.permissions | Permission.VIEW_CHANNEL
    envelope["channel"]["permissions"] = str(int(permissions))
    return envelope | {
        "guild_id": GUILD_ID,
        "guild": {"id": GUILD_ID, "locale": "en-US", "features": []},
        "guild_locale": "en-US",
        "member": user.member() | {"permissions": str(int(permissions))},
    }
