"""The `resolved` objects of an interaction: what the ids in its data stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.playground.components import Kind
from bot.playground.errors import RefusedError
from bot.playground.guild import Channel, Permission, roles
from bot.playground.message import Message
from bot.playground.wire import Payload
from bot.playground.world import World


@dataclass(slots=True)
class Resolver:
    """Collects the objects that an interaction's data names by id."""

    world: World
    channel: Channel
    _resolved: dict[str, Payload] = field(default_factory=dict)

    def data(self) -> Payload:
        """Return `resolved`, or nothing where nothing was named."""
        return {"resolved": self._resolved} if self._resolved else {}

    def _put(self, kind: str, object_id: str, payload: Payload) -> None:
        self._resolved.setdefault(kind, {})[object_id] = payload

    def add_user(self, user_id: str) -> None:
        """Resolve a user, in the guild as a member too. Raises RefusedError."""
        user = self.world.users.get(user_id)
        if user is None:
            raise RefusedError(f"There is no user {user_id}.")
        self._put("users", user_id, user.payload())
        if not self.channel.is_dm:
            member = {key: val for key, val in user.member().items() if key not in _USER_ONLY}
            self._put("members", user_id, member | {"permissions": str(int(user.permissions))})

    def add_channel(self, channel_id: str) -> None:
        """Resolve a channel of the guild. Raises RefusedError."""
        channel = self.world.channels.get(channel_id)
        if channel is None or channel.is_dm:
            raise RefusedError(f"There is no channel {channel_id}.")
        permissions = str(int(Permission.VIEW_CHANNEL))
        self._put("channels", channel_id, channel.payload() | {"permissions": permissions})

    def add_role(self, role_id: str) -> None:
        """Resolve a role. Raises RefusedError."""
        role = next((one for one in roles() if one["id"] == role_id), None)
        if role is None:
            raise RefusedError(f"There is no role {role_id}.")
        self._put("roles", role_id, role)

    def add_attachment(self, file_id: str) -> None:
        """Resolve an uploaded file. Raises RefusedError."""
        file = self.world.files.get(file_id)
        if file is None:
            raise RefusedError(f"There is no uploaded file {file_id}.")
        self._put("attachments", file_id, self.world.files.payload(file, ephemeral=True))

    def add_message(self, message: Message) -> None:
        """Resolve a message."""
        self._put("messages", message.id, self.world.payload(message))

    def chosen(self, select: Payload, values: list[str]) -> list[str]:
        """Check what was chosen in a select and resolve it. Raises RefusedError."""
        low, high = select.get("min_values", 1), select.get("max_values", 1)
        if not low <= len(values) <= high:
            raise RefusedError(f"Choose {low} to {high}, not {len(values)}.")
        match select["type"]:
            case Kind.STRING_SELECT | Kind.RADIO_GROUP | Kind.CHECKBOX_GROUP:
                return [_option_value(select, value) for value in values]
            case Kind.CHANNEL_SELECT:
                self._each(values, self.add_channel)
            case Kind.ROLE_SELECT:
                self._each(values, self.add_role)
            case Kind.FILE_UPLOAD:
                self._each(values, self.add_attachment)
            case _:
                self._each(values, self.add_user)
        return values

    @staticmethod
    def _each(values: list[str], add: Callable[[str], None]) -> None:
        for value in values:
            add(value)


_USER_ONLY = frozenset({"user", "mute", "deaf"})


def _option_value(select: Payload, wanted: str) -> str:
    """Return the value of an option named by its value or its label. Raises RefusedError."""
    options: list[Payload] = select["options"]
    for key in ("value", "label"):
        for option in options:
            if option[key] == wanted:
                return str(option["value"])
    labels = ", ".join(option["label"] for option in options)
    raise RefusedError(f"There is no choice {wanted!r}; there are: {labels}.")
