"""Routes by which the bot answers interactions: the callback, `@original` and the follow-ups."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aiohttp import web

from bot.playground.components import numbered
from bot.playground.errors import ApiError, invalid_form, unknown
from bot.playground.interactions import (
    CallbackType,
    Interaction,
    Interactions,
    InteractionType,
    Outcome,
)
from bot.playground.limits import check_choices, check_modal
from bot.playground.message import EPHEMERAL, Draft, Message, read_draft
from bot.playground.rest.api import Call, Route
from bot.playground.wire import Payload, reply
from bot.playground.world import World

_NEW = {CallbackType.MESSAGE, CallbackType.DEFERRED_MESSAGE}
_OLD = {CallbackType.UPDATE, CallbackType.DEFERRED_UPDATE}
_ALLOWED = {
    InteractionType.COMMAND: _NEW | {CallbackType.MODAL},
    InteractionType.COMPONENT: _NEW | _OLD | {CallbackType.MODAL},
    InteractionType.AUTOCOMPLETE: {CallbackType.CHOICES},
    InteractionType.MODAL_SUBMIT: _NEW | _OLD,
}
_SLASH_REPLY, _MENU_REPLY = 20, 23


@dataclass(slots=True, kw_only=True)
class WebhookRoutes:
    """What a bot may do with an interaction's token."""

    world: World
    interactions: Interactions

    def routes(self) -> list[Route]:
        """Return the routes, literal paths before patterns."""
        webhook = "/webhooks/{application_id}/{token}"
        callback = "/interactions/{interaction_id}/{token}/callback"
        message = f"{webhook}/messages/{{message_id}}"
        return [
            Route("POST", callback, self._callback, is_interaction=True),
            Route("POST", webhook, self._follow_up, is_interaction=True),
            Route("GET", message, self._get, is_interaction=True),
            Route("PATCH", message, self._edit, is_interaction=True),
            Route("DELETE", message, self._delete, is_interaction=True),
        ]

    # The callback.

    def _callback(self, call: Call) -> web.Response:
        kind = _callback_type(call.body.fields)
        interaction = self.interactions.acknowledge(call["interaction_id"], call["token"], kind)
        try:
            outcome = self._perform(interaction, kind, call)
        except ApiError:
            self.interactions.retract(interaction)
            raise
        self.interactions.settle(interaction, outcome)
        if call.query.get("with_response", "").lower() not in ("1", "true"):
            return reply()
        return reply(self._callback_response(interaction, outcome))

    def _perform(self, interaction: Interaction, kind: CallbackType, call: Call) -> Outcome:
        if kind not in _ALLOWED[interaction.type] or (kind in _OLD and not interaction.source):
            message = "This interaction cannot be answered with that type"
            raise invalid_form(("type", "INTERACTION_CALLBACK_TYPE_INVALID", message))
        data: Payload = call.body.fields.get("data") or {}
        match kind:
            case CallbackType.MESSAGE | CallbackType.DEFERRED_MESSAGE:
                is_loading = kind is CallbackType.DEFERRED_MESSAGE
                draft = Draft(flags=data.get("flags") or 0) if is_loading else None
                draft = draft or read_draft(call.body, data)
                self._respond(interaction, draft, is_loading=is_loading)
            case CallbackType.DEFERRED_UPDATE:
                interaction.original = interaction.source
            case CallbackType.UPDATE:
                interaction.original = interaction.source
                self.world.edit(_existing(interaction.source), read_draft(call.body, data))
            case CallbackType.CHOICES:
                choices = data.get("choices") or []
                check_choices(choices)
                return Outcome(responded=True, callback=kind, choices=choices)
            case CallbackType.MODAL:
                check_modal(data)
                modal = data | {"components": numbered(data["components"])}
                return Outcome(responded=True, callback=kind, modal=modal)
        return Outcome(responded=True, callback=kind, message=interaction.original)

    def _respond(self, interaction: Interaction, draft: Draft, *, is_loading: bool) -> None:
        """Create the first message of an answer."""
        is_command = interaction.type is InteractionType.COMMAND
        reply_type = _SLASH_REPLY if interaction.command_name else _MENU_REPLY
        interaction.original = self._create(
            interaction,
            _replying(draft, interaction.source),
            is_ephemeral=bool(draft.flags & EPHEMERAL),
            is_loading=is_loading,
            message_type=reply_type if is_command else 0,
        )

    def _create(
        self,
        interaction: Interaction,
        draft: Draft,
        *,
        is_ephemeral: bool,
        is_loading: bool = False,
        message_type: int = 0,
    ) -> Message:
        return self.world.create(
            interaction.channel,
            self.world.bot,
            draft,
            interaction=interaction.metadata,
            command_name=interaction.command_name,
            owner_id=interaction.user.id if is_ephemeral else None,
            message_type=message_type,
            is_loading=is_loading,
        )

    def _callback_response(self, interaction: Interaction, outcome: Outcome) -> Payload:
        response: Payload = {"interaction": interaction.summary()}
        if outcome.message and outcome.callback in (CallbackType.MESSAGE, CallbackType.UPDATE):
            message = self.world.payload(outcome.message)
            response["resource"] = {"type": outcome.callback, "message": message}
        return response

    # Messages by token.

    def _follow_up(self, call: Call) -> web.Response:
        interaction = self._interaction(call)
        draft = read_draft(call.body)
        original = interaction.original
        if original and original.is_deleted:
            original = None
        if original and original.is_loading:
            # The first follow-up fills the "is thinking" message, visible as that one is.
            self.world.edit(original, draft)
            return reply(self.world.payload(original))
        message = self._create(
            interaction, _replying(draft, original), is_ephemeral=bool(draft.flags & EPHEMERAL)
        )
        interaction.followups[message.id] = message
        return reply(self.world.payload(message))

    def _get(self, call: Call) -> web.Response:
        return reply(self.world.payload(self._message(call)))

    def _edit(self, call: Call) -> web.Response:
        message = self._message(call)
        self.world.edit(message, read_draft(call.body))
        return reply(self.world.payload(message))

    def _delete(self, call: Call) -> web.Response:
        message = self._message(call)
        self.world.delete(message)
        return reply()

    def _interaction(self, call: Call) -> Interaction:
        return self.interactions.by_token(call["application_id"], call["token"])

    def _message(self, call: Call) -> Message:
        """Return a message that this token may touch. Raises ApiError."""
        interaction, message_id = self._interaction(call), call["message_id"]
        if message_id == "@original":
            return self._present(_existing(interaction.original))
        if interaction.original and interaction.original.id == message_id:
            return self._present(interaction.original)
        return self._present(_existing(interaction.followups.get(message_id)))

    def _present(self, message: Message) -> Message:
        return self.world.get_message(message.channel, message.id)


def _existing(message: Message | None) -> Message:
    if message is None:
        raise unknown("message")
    return message


def _replying(draft: Draft, target: Message | None) -> Draft:
    return replace(draft, reference=target.id) if target else draft


def _callback_type(fields: Payload) -> CallbackType:
    try:
        return CallbackType(fields.get("type", 0))
    except ValueError as error:
        message = "Value must be one of (4, 5, 6, 7, 8, 9)."
        raise invalid_form(("type", "BASE_TYPE_CHOICES", message)) from error
