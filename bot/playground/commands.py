"""The bot's commands: registered as Discord registers them, and invoked as its app lets people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from bot.playground.clock import Clock
from bot.playground.errors import ApiError, RefusedError, invalid_form, unknown
from bot.playground.guild import APPLICATION_ID, GUILD_ID, Channel, User
from bot.playground.wire import Payload

_NAME = re.compile(r"[-_'\w]{1,32}")
_LIMITS = {1: 100, 2: 15, 3: 15}
"""How many commands of a type an application may have in a scope."""


class CommandType(IntEnum):
    """Discord's command types."""

    CHAT_INPUT = 1
    USER = 2
    MESSAGE = 3


class OptionType(IntEnum):
    """Discord's option types."""

    SUB_COMMAND = 1
    SUB_COMMAND_GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


_NESTING = frozenset({OptionType.SUB_COMMAND, OptionType.SUB_COMMAND_GROUP})


@dataclass(slots=True, kw_only=True)
class CommandBook:
    """The registered commands, global ones and those of the guild."""

    clock: Clock
    _commands: dict[str, Payload] = field(default_factory=dict)

    def registered(self, guild_id: str | None) -> list[Payload]:
        """Return the commands of one scope (None: global)."""
        return [one for one in self._commands.values() if one.get("guild_id") == guild_id]

    def get(self, command_id: str, guild_id: str | None) -> Payload:
        """Return one command of a scope. Raises ApiError."""
        found = self._commands.get(command_id)
        if found is None or found.get("guild_id") != guild_id:
            raise unknown("application command")
        return found

    def overwrite(self, commands: list[Payload], guild_id: str | None) -> list[Payload]:
        """Replace a scope's commands; those that keep type and name keep their id."""
        for index, command in enumerate(commands):
            _check_command(command, f"{index}.")
        _check_counts(commands)
        former = {_key(one): one for one in self.registered(guild_id)}
        for old in former.values():
            del self._commands[old["id"]]
        for command in commands:
            self._register(command, guild_id, former.get(_key(command)))
        return self.registered(guild_id)

    def upsert(self, command: Payload, guild_id: str | None) -> tuple[Payload, bool]:
        """Create a command, or replace the one of its name; return it and whether it is new."""
        _check_command(command, "")
        former = {_key(one): one for one in self.registered(guild_id)}.get(_key(command))
        return self._register(command, guild_id, former), former is None

    def change(self, command_id: str, changes: Payload, guild_id: str | None) -> Payload:
        """Change some fields of a command. Raises ApiError."""
        former = self.get(command_id, guild_id)
        changed = former | changes
        _check_command(changed, "")
        return self._register(changed, guild_id, former)

    def delete(self, command_id: str, guild_id: str | None) -> None:
        """Remove a command. Raises ApiError."""
        del self._commands[self.get(command_id, guild_id)["id"]]

    def _register(self, command: Payload, guild_id: str | None, former: Payload | None) -> Payload:
        stored: Payload = {
            "description": "",
            "type": CommandType.CHAT_INPUT,
            "nsfw": False,
            "default_member_permissions": None,
            "contexts": None,
            "integration_types": [0],
            "dm_permission": True,
            "options": [],
        }
        stored |= {key: value for key, value in command.items() if value is not None}
        permissions = stored["default_member_permissions"]
        stored["default_member_permissions"] = None if permissions is None else str(permissions)
        stored["id"] = former["id"] if former else self.clock.snowflake()
        stored["application_id"] = APPLICATION_ID
        stored["version"] = self.clock.snowflake()
        if guild_id:
            stored["guild_id"] = guild_id
        self._commands[stored["id"]] = stored
        return stored

    # The people's side.

    def offered(self, user: User, channel: Channel) -> Iterator[Payload]:
        """Yield the commands that a person's picker shows in a channel."""
        for command in self._commands.values():
            if self._is_offered(command, user, channel):
                yield command

    def find(self, name: str, kind: CommandType, user: User, channel: Channel) -> Payload:
        """Return the command a person means. Raises RefusedError."""
        offered = [one for one in self.offered(user, channel) if one["type"] == kind]
        for command in offered:
            if command["name"] == name:
                return command
        names = ", ".join(sorted(one["name"] for one in offered)) or "none yet"
        raise RefusedError(f"{user.name} is offered no command {name!r} here; there are: {names}.")

    @staticmethod
    def _is_offered(command: Payload, user: User, channel: Channel) -> bool:
        if channel.is_dm:
            contexts = command["contexts"]
            reaches = command["dm_permission"] if contexts is None else 1 in contexts
            return reaches and "guild_id" not in command
        if command["contexts"] is not None and 0 not in command["contexts"]:
            return False
        if command["nsfw"] and not channel.is_age_restricted:
            return False
        needed = command["default_member_permissions"]
        return needed is None or (
            user.is_admin or (needed != "0" and not int(needed) & ~int(user.permissions))
        )


def _key(command: Payload) -> tuple[int, str]:
    return command.get("type") or CommandType.CHAT_INPUT, command["name"]


def _check_counts(commands: list[Payload]) -> None:
    for kind, limit in _LIMITS.items():
        if sum(_key(command)[0] == kind for command in commands) > limit:
            message = f"Maximum number of application commands reached ({limit})."
            raise ApiError(400, 30032, message)
    if len({_key(command) for command in commands}) < len(commands):
        message = "Application command names must be unique"
        raise invalid_form(("_", "APPLICATION_COMMANDS_DUPLICATE_NAME", message))


def _check_command(command: Payload, path: str) -> None:
    if _key(command)[0] == CommandType.CHAT_INPUT:
        _check_named(command, path)
        _check_options(command.get("options") or [], path)
        if _length(command) > 8000:
            message = "Command exceeds maximum size (8000)"
            raise invalid_form((f"{path}name", "APPLICATION_COMMAND_TOO_LARGE", message))


def _check_named(thing: Payload, path: str) -> None:
    name = thing.get("name", "")
    if not _NAME.fullmatch(name) or name != name.lower():
        message = "Command name is invalid"
        raise invalid_form((f"{path}name", "APPLICATION_COMMAND_INVALID_NAME", message))
    if not 1 <= len(thing.get("description") or "") <= 100:
        message = "Must be between 1 and 100 in length."
        raise invalid_form((f"{path}description", "BASE_TYPE_BAD_LENGTH", message))


def _check_options(options: list[Payload], path: str) -> None:
    if len(options) > 25:
        message = "Must be 25 or fewer in length."
        raise invalid_form((f"{path}options", "BASE_TYPE_MAX_LENGTH", message))
    was_required = True
    for index, option in enumerate(options):
        where = f"{path}options.{index}."
        _check_named(option, where)
        _check_options(option.get("options") or [], where)
        if option["type"] in _NESTING:
            continue
        if option.get("required") and not was_required:
            message = "Required options must be placed before non-required options"
            code = "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"
            raise invalid_form((where.rstrip("."), code, message))
        was_required = bool(option.get("required"))
        if len(option.get("choices") or []) > 25:
            message = "Must be 25 or fewer in length."
            raise invalid_form((f"{where}choices", "BASE_TYPE_MAX_LENGTH", message))


def _length(thing: Payload) -> int:
    own = len(thing.get("name", "")) + len(thing.get("description") or "")
    choices = thing.get("choices") or []
    own += sum(len(choice["name"]) + len(str(choice["value"])) for choice in choices)
    return own + sum(map(_length, thing.get("options") or []))


def descend(command: Payload, path: list[str]) -> tuple[list[Payload], list[Payload]]:
    """Follow sub-command names; return (the option nodes passed, the leaf's options).

    Raises RefusedError.
    """
    nodes: list[Payload] = []
    options = command["options"]
    for name in path:
        node = next((one for one in options if one["name"] == name), None)
        if node is None or node["type"] not in _NESTING:
            raise RefusedError(f"/{command['name']} has no sub-command {name!r}.")
        nodes.append(node)
        options = node.get("options") or []
    if any(option["type"] in _NESTING for option in options):
        names = ", ".join(option["name"] for option in options)
        raise RefusedError(f"/{command['name']} wants a sub-command: {names}.")
    return nodes, options


def checked_value(option: Payload, value: Any) -> Any:
    """Return an option's value as Discord would send it. Raises RefusedError."""
    name, kind = option["name"], OptionType(option["type"])
    match kind:
        case OptionType.STRING:
            value = str(value)
            _check_range(name, len(value), option, "length")
        case OptionType.INTEGER | OptionType.NUMBER:
            value = _number(name, kind, value)
            _check_range(name, value, option, "value")
        case OptionType.BOOLEAN:
            if not isinstance(value, bool):
                raise RefusedError(f"{name} is true or false, not {value!r}.")
        case _:
            value = str(value)
    choices = [choice["value"] for choice in option.get("choices") or []]
    if choices and value not in choices:
        raise RefusedError(f"{name} is one of {choices}, not {value!r}.")
    return value


def _number(name: str, kind: OptionType, value: Any) -> int | float:
    try:
        return int(value) if kind is OptionType.INTEGER else float(value)
    except (TypeError, ValueError) as error:
        raise RefusedError(f"{name} is a number, not {value!r}.") from error


def _check_range(name: str, size: float, option: Payload, what: str) -> None:
    low, high = option.get(f"min_{what}"), option.get(f"max_{what}")
    if (low is not None and size < low) or (high is not None and size > high):
        unit = "characters long" if what == "length" else "in value"
        raise RefusedError(f"{name} is to be {low} to {high} {unit}, not {size}.")


def scope(guild_id: str | None) -> str | None:
    """Return the scope that a guild id in a route names. Raises ApiError."""
    if guild_id not in (None, GUILD_ID):
        raise unknown("guild")
    return guild_id
