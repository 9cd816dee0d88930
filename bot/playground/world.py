"""The state of the channel and everything that may happen to it; it knows no HTTP and no sockets.

Whoever wants to know what happens (the gateway, the page) subscribes a listener.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bot.playground.clock import Clock
from bot.playground.errors import empty_message, missing_access, missing_permissions, unknown
from bot.playground.files import FileStore
from bot.playground.guild import (
    APPLICATION_ID,
    BOT_PERMISSIONS,
    Channel,
    Permission,
    User,
    default_channels,
    default_users,
)
from bot.playground.message import EPHEMERAL, LOADING, Draft, Message, describe, mentioned_ids
from bot.playground.wire import Payload

_NONCE_SECONDS = 300
_MAX_MESSAGES = 1000
"""Kept in each channel; older ones are forgotten with their files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened: a gateway event, or news for people only."""

    name: str
    data: Payload
    channel_id: str | None = None
    owner_id: str | None = None
    """The only person who may hear of it."""
    is_for_bot: bool = True
    is_for_people: bool = True


@dataclass(slots=True)
class World:
    """Users, one guild, its channels and their messages."""

    clock: Clock = field(default_factory=Clock)
    files: FileStore = field(init=False)
    users: dict[str, User] = field(init=False)
    channels: dict[str, Channel] = field(init=False)
    messages: dict[str, dict[str, Message]] = field(default_factory=dict)
    listeners: list[Callable[[Event], None]] = field(default_factory=list)
    _denied: dict[str, Permission] = field(default_factory=dict)
    _nonces: dict[tuple[str, str], tuple[float, Message]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.files = FileStore(clock=self.clock)
        self.users = {user.id: user for user in default_users()}
        self.channels = {channel.id: channel for channel in default_channels()}

    @property
    def bot(self) -> User:
        """Return the bot's user."""
        return self.users[APPLICATION_ID]

    @property
    def owner(self) -> User:
        """Return the administrator who owns the guild and the application."""
        return next(user for user in self.users.values() if user.is_admin)

    @property
    def people(self) -> list[User]:
        """Return everyone but the bot."""
        return [user for user in self.users.values() if not user.is_bot]

    def person(self, name_or_id: str) -> User:
        """Return a person by name or id. Raises KeyError."""
        for user in self.people:
            if name_or_id in (user.id, user.name):
                return user
        names = ", ".join(user.name for user in self.people)
        raise KeyError(f"Nobody here is called {name_or_id!r}; there are {names}.")

    def channel(self, name: str) -> Channel:
        """Return a channel of the guild by its name. Raises KeyError."""
        for channel in self.channels.values():
            if channel.name == name and not channel.is_dm:
                return channel
        raise KeyError(f"There is no channel #{name}.")

    def announce(self, event: Event) -> None:
        """Tell the listeners what happened."""
        for listener in list(self.listeners):
            listener(event)

    # Who may do what.

    def deny(self, channel: Channel, permissions: Permission) -> None:
        """Take permissions from the bot in a channel (`Permission(0)` gives them back)."""
        self._denied[channel.id] = permissions

    def bot_permissions(self, channel: Channel) -> Permission:
        """Return what the bot may do in a channel."""
        return BOT_PERMISSIONS & ~self._denied.get(channel.id, Permission(0))

    def require(self, channel: Channel, *permissions: Permission) -> None:
        """Raise ApiError unless the bot has the permissions in a channel."""
        present = self.bot_permissions(channel)
        if not present & Permission.VIEW_CHANNEL:
            raise missing_access()
        if any(not present & permission for permission in permissions):
            raise missing_permissions()

    def may_see(self, user_id: str, channel_id: str | None, owner_id: str | None) -> bool:
        """Return whether a person hears of something in a channel."""
        if owner_id is not None and owner_id != user_id:
            return False
        channel = self.channels.get(channel_id or "")
        return not (channel and channel.recipient and channel.recipient.id != user_id)

    # Channels.

    def get_channel(self, channel_id: str) -> Channel:
        """Return a channel. Raises ApiError."""
        if channel := self.channels.get(channel_id):
            return channel
        raise unknown("channel")

    def open_dm(self, user: User) -> Channel:
        """Return the direct conversation of a person with the bot, opened if it was not."""
        for channel in self.channels.values():
            if channel.recipient is user:
                return channel
        channel = Channel(id=self.clock.snowflake(), name=self.bot.name, recipient=user)
        self.channels[channel.id] = channel
        data = channel.payload() | {"name": channel.name}
        self.announce(Event(name="CHANNEL_CREATE", data=data, owner_id=user.id, is_for_bot=False))
        return channel

    def delete_channel(self, channel: Channel) -> None:
        """Remove a channel with all that was said in it."""
        for message in list(self.messages.get(channel.id, {}).values()):
            self.delete(message)
        del self.channels[channel.id]

    # Messages.

    def get_message(self, channel: Channel, message_id: str) -> Message:
        """Return a message of a channel. Raises ApiError."""
        if message := self.messages.get(channel.id, {}).get(message_id):
            return message
        raise unknown("message")

    def history(self, channel: Channel, *, viewer_id: str) -> Iterator[Message]:
        """Yield the messages that a viewer sees, newest first."""
        for message in reversed(self.messages.get(channel.id, {}).values()):
            if message.owner_id in (None, viewer_id):
                yield message

    def payload(self, message: Message) -> Payload:
        """Return a message as Discord describes it."""
        return describe(message, self.files)

    def repeated(self, author: User, draft: Draft) -> Message | None:
        """Return the message that was sent with the same enforced nonce a moment ago."""
        found = self._nonces.get((author.id, draft.nonce or ""))
        if draft.enforces_nonce and found and self.clock.now() - found[0] < _NONCE_SECONDS:
            return found[1]
        return None

    def create(
        self,
        channel: Channel,
        author: User,
        draft: Draft,
        *,
        interaction: Payload | None = None,
        command_name: str | None = None,
        owner_id: str | None = None,
        message_type: int = 0,
        is_loading: bool = False,
    ) -> Message:
        """Add a message to a channel. Raises ApiError where it would be empty."""
        if draft.is_empty and not is_loading:
            raise empty_message()
        message = Message(
            id=self.clock.snowflake(),
            channel=channel,
            author=author,
            timestamp=self.clock.timestamp(),
            type=message_type,
            flags=LOADING if is_loading else 0,
            interaction=interaction,
            command_name=command_name,
            owner_id=owner_id,
            nonce=draft.nonce,
        )
        self._refer(message, draft)
        self._apply(message, draft)
        if owner_id:
            message.flags |= EPHEMERAL
        self._keep(message)
        self._tell("MESSAGE_CREATE", message)
        return message

    def edit(self, message: Message, draft: Draft) -> None:
        """Change a message; the first answer to a deferral counts as no edit. Raises ApiError."""
        was_loading = message.is_loading
        self._apply(message, draft)
        if not was_loading:
            message.edited_timestamp = self.clock.timestamp()
        self._tell("MESSAGE_UPDATE", message)

    def delete(self, message: Message) -> None:
        """Remove a message and its files."""
        self.messages[message.channel.id].pop(message.id, None)
        message.is_deleted = True
        for file in message.files:
            self.files.discard(file)
        data = {"id": message.id, "channel_id": message.channel.id}
        self._announce("MESSAGE_DELETE", message, data)

    def tell_reaction(self, message: Message) -> None:
        """Let people see that a message's reactions changed."""
        data = self.payload(message)
        self.announce(
            Event(
                name="MESSAGE_UPDATE",
                data=data,
                channel_id=message.channel.id,
                owner_id=message.owner_id,
                is_for_bot=False,
            )
        )

    def _refer(self, message: Message, draft: Draft) -> None:
        if draft.reference is None:
            return
        message.type = message.type or 19
        message.reference_id = draft.reference
        message.reference = self.messages.get(message.channel.id, {}).get(draft.reference)

    def _apply(self, message: Message, draft: Draft) -> None:
        """Put a draft's fields into the message, all of them or, on an error, none."""
        revised = message.revised(draft, self.files)
        for file in message.files:
            if file not in revised.files:
                self.files.discard(file)
        message.become(revised)
        if draft.content is not None:
            ids = mentioned_ids(draft.content, draft.mentions)
            message.mentions = [self.users[user_id] for user_id in ids if user_id in self.users]

    def _keep(self, message: Message) -> None:
        shelf = self.messages.setdefault(message.channel.id, {})
        shelf[message.id] = message
        message.channel.last_message_id = message.id
        now = self.clock.now()
        if message.nonce:
            self._nonces[message.author.id, message.nonce] = (now, message)
        for key, (sent_at, _message) in list(self._nonces.items()):
            if now - sent_at > _NONCE_SECONDS:
                del self._nonces[key]
        if len(shelf) > _MAX_MESSAGES:
            oldest = shelf.pop(next(iter(shelf)))
            for file in oldest.files:
                self.files.discard(file)

    def _tell(self, name: str, message: Message) -> None:
        self._announce(name, message, self.payload(message))

    def _announce(self, name: str, message: Message, data: Payload) -> None:
        self.announce(
            Event(
                name=name,
                data=data,
                channel_id=message.channel.id,
                owner_id=message.owner_id,
                is_for_bot=message.owner_id is None,
            )
        )
