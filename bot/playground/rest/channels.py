"""Routes about channels and the messages in them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from aiohttp import web

from bot.playground.errors import (
    ApiError,
    closed_dms,
    foreign_message,
    invalid_form,
    missing_permissions,
    unknown,
)
from bot.playground.guild import APPLICATION_ID, Channel, Permission
from bot.playground.message import Draft, Message, read_draft
from bot.playground.rest.api import Call, Route
from bot.playground.wire import reply
from bot.playground.world import Event, World

_READ = (Permission.READ_MESSAGE_HISTORY,)


@dataclass(slots=True, kw_only=True)
class ChannelRoutes:
    """Channels, their history, and what the bot says in them by its own token."""

    world: World

    def routes(self) -> list[Route]:
        """Return the routes, literal paths before patterns."""
        channel = "/channels/{channel_id}"
        message = f"{channel}/messages/{{message_id}}"
        reaction = f"{message}/reactions/{{emoji}}"
        return [
            Route("POST", "/users/@me/channels", self._open_dm),
            Route("GET", channel, self._get_channel),
            Route("POST", f"{channel}/typing", self._type),
            Route("GET", f"{channel}/messages", self._history),
            Route("POST", f"{channel}/messages", self._send),
            Route("POST", f"{channel}/messages/bulk-delete", self._bulk_delete),
            Route("GET", message, self._get_message),
            Route("PATCH", message, self._edit),
            Route("DELETE", message, self._delete),
            Route("PUT", f"{reaction}/@me", self._react),
            Route("DELETE", f"{reaction}/@me", self._unreact),
        ]

    def _channel(self, call: Call, *permissions: Permission) -> Channel:
        channel = self.world.get_channel(call["channel_id"])
        self.world.require(channel, *permissions)
        return channel

    def _message(self, call: Call, *permissions: Permission) -> Message:
        """Return a message that the bot may see: an ephemeral one is out of its token's reach."""
        message = self.world.get_message(self._channel(call, *permissions), call["message_id"])
        if message.owner_id is not None:
            raise unknown("message")
        return message

    # Channels.

    def _open_dm(self, call: Call) -> web.Response:
        user = self.world.users.get(str(call.body.fields.get("recipient_id")))
        if user is None or user.is_bot:
            raise invalid_form(("recipient_id", "INVALID_RECIPIENT", "Invalid Recipient(s)"))
        return reply(self.world.open_dm(user).payload())

    def _get_channel(self, call: Call) -> web.Response:
        return reply(self._channel(call).payload())

    def _type(self, call: Call) -> web.Response:
        channel = self._channel(call, Permission.SEND_MESSAGES)
        data = {
            "channel_id": channel.id,
            "user_id": APPLICATION_ID,
            "timestamp": int(self.world.clock.now()),
        }
        event = Event(name="TYPING_START", data=data, channel_id=channel.id, is_for_bot=False)
        self.world.announce(event)
        return reply()

    # Messages.

    def _history(self, call: Call) -> web.Response:
        channel = self._channel(call)
        wanted = call.query.get("limit", "50")
        limit = int(wanted) if wanted.isdecimal() else 0
        if not 1 <= limit <= 100:
            message = "int value should be between 1 and 100."
            raise invalid_form(("limit", "NUMBER_TYPE_RANGE", message))
        if not self.world.bot_permissions(channel) & Permission.READ_MESSAGE_HISTORY:
            return reply([])
        found = _window(list(self.world.history(channel, viewer_id=APPLICATION_ID)), call, limit)
        return reply([self.world.payload(message) for message in found])

    def _send(self, call: Call) -> web.Response:
        channel = self._channel(call, Permission.SEND_MESSAGES)
        draft = read_draft(call.body)
        if draft.uploads and not self.world.bot_permissions(channel) & Permission.ATTACH_FILES:
            raise missing_permissions()
        if channel.recipient and not channel.recipient.takes_dms:
            raise closed_dms()
        if former := self.world.repeated(self.world.bot, draft):
            return reply(self.world.payload(former))
        draft_of_reply = self._checked_reference(channel, draft, call)
        message = self.world.create(channel, self.world.bot, draft_of_reply)
        return reply(self.world.payload(message))

    def _checked_reference(self, channel: Channel, draft: Draft, call: Call) -> Draft:
        if draft.reference is None:
            return draft
        if not self.world.bot_permissions(channel) & Permission.READ_MESSAGE_HISTORY:
            message = "Cannot reply without permission to read message history"
            raise ApiError(400, 160002, message)
        if draft.reference in self.world.messages.get(channel.id, {}):
            return draft
        if call.body.fields["message_reference"].get("fail_if_not_exists", True):
            problem = ("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
            raise invalid_form(problem)
        return draft

    def _get_message(self, call: Call) -> web.Response:
        return reply(self.world.payload(self._message(call, *_READ)))

    def _edit(self, call: Call) -> web.Response:
        message = self._message(call)
        if not message.author.is_bot:
            raise foreign_message()
        draft = read_draft(call.body)
        if draft.uploads:
            self.world.require(message.channel, Permission.ATTACH_FILES)
        self.world.edit(message, draft)
        return reply(self.world.payload(message))

    def _delete(self, call: Call) -> web.Response:
        message = self._message(call)
        if not message.author.is_bot:
            self.world.require(message.channel, Permission.MANAGE_MESSAGES)
        self.world.delete(message)
        return reply()

    def _bulk_delete(self, call: Call) -> web.Response:
        channel = self._channel(call, Permission.MANAGE_MESSAGES)
        for message_id in call.body.fields.get("messages", []):
            if message := self.world.messages.get(channel.id, {}).get(str(message_id)):
                self.world.delete(message)
        return reply()

    # Reactions.

    def _react(self, call: Call) -> web.Response:
        message = self._message(call, *_READ)
        user_ids = message.reactions.setdefault(call["emoji"], [])
        if not user_ids:
            self.world.require(message.channel, Permission.ADD_REACTIONS)
        if APPLICATION_ID not in user_ids:
            user_ids.append(APPLICATION_ID)
        self.world.tell_reaction(message)
        return reply()

    def _unreact(self, call: Call) -> web.Response:
        message = self._message(call)
        user_ids = message.reactions.get(call["emoji"], [])
        if APPLICATION_ID in user_ids:
            user_ids.remove(APPLICATION_ID)
        if not user_ids:
            message.reactions.pop(call["emoji"], None)
        self.world.tell_reaction(message)
        return reply()


def _window(newest_first: list[Message], call: Call, limit: int) -> list[Message]:
    """Return the part of a history that `before`, `after` or `around` asks for."""
    if before := call.query.get("before"):
        found = (one for one in newest_first if int(one.id) < int(before))
        return list(islice(found, limit))
    if after := call.query.get("after"):
        found = (one for one in reversed(newest_first) if int(one.id) > int(after))
        return list(islice(found, limit))[::-1]
    if around := call.query.get("around"):
        later = [one for one in newest_first if int(one.id) > int(around)]
        rest = [one for one in newest_first if int(one.id) <= int(around)]
        return (later[-(limit // 2) :] + rest)[:limit]
    return newest_first[:limit]
