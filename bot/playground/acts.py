"""What a person can do in the channel, refused where Discord's own app would not let them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.playground.commands import CommandBook, CommandType, OptionType, checked_value, descend
from bot.playground.components import SELECTS, find_pressable
from bot.playground.errors import ApiError, RefusedError
from bot.playground.forms import Form
from bot.playground.guild import GUILD_ID, Channel, User
from bot.playground.interactions import Interaction, Interactions, InteractionType
from bot.playground.message import Draft, Message
from bot.playground.resolve import Resolver
from bot.playground.wire import Payload, Upload
from bot.playground.world import World


@dataclass(slots=True, kw_only=True)
class Acts:
    """Turns what people do into messages and interactions."""

    world: World
    commands: CommandBook
    interactions: Interactions

    # Seeing.

    def visible_message(self, user: User, channel: Channel, message_id: str) -> Message:
        """Return a message that a person sees. Raises RefusedError."""
        message = self.world.messages.get(channel.id, {}).get(message_id)
        if message is None or message.owner_id not in (None, user.id):
            raise RefusedError("This message is gone.")
        return message

    def visible_channel(self, user: User, channel_id: str) -> Channel:
        """Return a channel that a person sees. Raises RefusedError."""
        channel = self.world.channels.get(channel_id)
        if channel is None or not self.world.may_see(user.id, channel_id, None):
            raise RefusedError(f"{user.name} sees no channel {channel_id}.")
        return channel

    # Commands.

    def slash(
        self, user: User, channel: Channel, name: str, path: list[str], given: Mapping[str, Any]
    ) -> Interaction:
        """Send a slash command; `path` names its sub-commands. Raises RefusedError."""
        command = self.commands.find(name, CommandType.CHAT_INPUT, user, channel)
        nodes, options = descend(command, path)
        resolver = Resolver(self.world, channel)
        values = list(_filled(options, given, resolver))
        data = _command_data(command) | _nested(nodes, values) | resolver.data()
        return self.interactions.issue(InteractionType.COMMAND, user, channel, data)

    def autocomplete(
        self,
        user: User,
        channel: Channel,
        name: str,
        path: list[str],
        given: Mapping[str, Any],
        focused: str,
    ) -> Interaction:
        """Ask for the choices of one option while the others are half filled in."""
        command = self.commands.find(name, CommandType.CHAT_INPUT, user, channel)
        nodes, options = descend(command, path)
        option = next((one for one in options if one["name"] == focused), None)
        if option is None or not option.get("autocomplete"):
            raise RefusedError(f"{focused} offers no choices while one types.")
        values = [
            {"type": one["type"], "name": one["name"], "value": given.get(one["name"], "")}
            | ({"focused": True} if one["name"] == focused else {})
            for one in options
            if one["name"] in given or one["name"] == focused
        ]
        data = _command_data(command) | _nested(nodes, values)
        return self.interactions.issue(InteractionType.AUTOCOMPLETE, user, channel, data)

    def menu(self, user: User, channel: Channel, name: str, target_id: str) -> Interaction:
        """Use a command of a message's or a person's context menu. Raises RefusedError."""
        resolver = Resolver(self.world, channel)
        if target_id in self.world.users:
            kind = CommandType.USER
            resolver.add_user(target_id)
        else:
            kind = CommandType.MESSAGE
            resolver.add_message(self.visible_message(user, channel, target_id))
        command = self.commands.find(name, kind, user, channel)
        data = _command_data(command) | {"target_id": target_id} | resolver.data()
        return self.interactions.issue(InteractionType.COMMAND, user, channel, data)

    # Components and modals.

    def press(
        self, user: User, message: Message, wanted: str, values: list[str] | None
    ) -> Interaction:
        """Press a button, or choose `values` in a select. Raises RefusedError."""
        component = find_pressable(message.components, wanted)
        if component is None:
            raise RefusedError(f"This message has no button or select {wanted!r}.")
        if component.get("disabled"):
            raise RefusedError(f"{wanted!r} is disabled.")
        data: Payload = {
            "id": component["id"],
            "custom_id": component["custom_id"],
            "component_type": component["type"],
        }
        if component["type"] in SELECTS:
            resolver = Resolver(self.world, message.channel)
            data["values"] = resolver.chosen(component, values or [])
            data |= resolver.data()
        return self.interactions.issue(
            InteractionType.COMPONENT, user, message.channel, data, source=message
        )

    def submit(self, user: User, interaction_id: str, given: Mapping[str, Any]) -> Interaction:
        """Submit the form that an interaction opened. Raises RefusedError."""
        trigger = self.interactions.by_id(interaction_id)
        modal = trigger.outcome.result().modal if trigger and trigger.outcome.done() else None
        if trigger is None or modal is None or trigger.user is not user:
            raise RefusedError(f"{user.name} has no such form open.")
        resolver = Resolver(self.world, trigger.channel)
        data: Payload = {"custom_id": modal["custom_id"]}
        data["components"] = Form(modal, resolver).filled(given)
        data |= resolver.data()
        return self.interactions.issue(
            InteractionType.MODAL_SUBMIT,
            user,
            trigger.channel,
            data,
            source=trigger.source,
            trigger=trigger,
        )

    # Messages.

    def say(
        self,
        user: User,
        channel: Channel,
        content: str,
        uploads: list[Upload],
        reference: str | None = None,
    ) -> Message:
        """Send a plain message. Raises RefusedError."""
        draft = Draft(
            content=content,
            uploads=tuple((upload, None) for upload in uploads),
            reference=reference,
        )
        try:
            return self.world.create(channel, user, draft)
        except ApiError as error:
            raise RefusedError(error.message) from error

    def delete(self, user: User, message: Message) -> None:
        """Delete a message of one's own, dismiss one, or moderate. Raises RefusedError."""
        if message.author is user or message.owner_id == user.id or user.is_admin:
            self.world.delete(message)
        else:
            raise RefusedError(f"{user.name} may not delete what others wrote.")


def _command_data(command: Payload) -> Payload:
    data: Payload = {"id": command["id"], "name": command["name"], "type": command["type"]}
    return data | ({"guild_id": GUILD_ID} if "guild_id" in command else {})


def _nested(nodes: list[Payload], values: list[Payload]) -> Payload:
    """Return the options of a command, wrapped in its sub-commands."""
    for node in reversed(nodes):
        values = [{"type": node["type"], "name": node["name"], "options": values}]
    return {"options": values} if values else {}


def _filled(
    options: list[Payload], given: Mapping[str, Any], resolver: Resolver
) -> Iterator[Payload]:
    """Yield the given options as Discord sends them. Raises RefusedError."""
    names = [option["name"] for option in options]
    if unknown := [name for name in given if name not in names]:
        raise RefusedError(
            f"There is no option {', '.join(unknown)}; there are: {', '.join(names)}."
        )
    for option in options:
        if option["name"] not in given:
            if option.get("required"):
                raise RefusedError(f"{option['name']} is required.")
            continue
        value = checked_value(option, given[option["name"]])
        match option["type"]:
            case OptionType.USER | OptionType.MENTIONABLE:
                resolver.add_user(value)
            case OptionType.CHANNEL:
                resolver.add_channel(value)
            case OptionType.ROLE:
                resolver.add_role(value)
            case OptionType.ATTACHMENT:
                resolver.add_attachment(value)
            case _:
                pass
        yield {"type": option["type"], "name": option["name"], "value": value}
