"""What a person sees: messages, forms and suggestions as small frozen records."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.playground.components import SELECTS, Kind, walk
from bot.playground.errors import HumanError
from bot.playground.wire import Payload

_EPHEMERAL, _LOADING = 1 << 6, 1 << 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file of a message; height and width are pixels, None where it is no picture."""

    id: str
    filename: str
    url: str
    size_bytes: int
    content_type: str
    width: int | None
    height: int | None
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A button, a select or a link of a message, as one sees it."""

    type: int
    custom_id: str | None
    label: str | None
    emoji: str | None
    style: int | None
    is_disabled: bool
    options: tuple[str, ...]
    """The values of a select."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as a person sees it at one moment; an edit is a new one with the same id."""

    id: str
    channel_id: str
    author: str
    """The name."""
    content: str
    files: tuple[Attachment, ...]
    components: tuple[Component, ...]
    embeds: tuple[Payload, ...]
    is_ephemeral: bool
    is_thinking: bool
    is_edited: bool
    reply_to: str | None
    raw: Payload = field(repr=False, compare=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """Return what the buttons say: their labels, or their emoji where they have none."""
        faces = (component.label or component.emoji for component in self.components)
        return tuple(face for face in faces if face)


@dataclass(frozen=True, slots=True, kw_only=True)
class Modal:
    """A form that the bot opened."""

    interaction_id: str
    title: str
    custom_id: str
    raw: Payload = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How the bot acknowledged: with a message, with a form, or silently (a deferred update)."""

    message_seen: Message | None
    modal_opened: Modal | None

    @property
    def message(self) -> Message:
        """Return the message it answered with or changed. Raises HumanError."""
        if self.message_seen is None:
            raise HumanError("The bot answered without a message.")
        return self.message_seen

    @property
    def modal(self) -> Modal:
        """Return the form it opened. Raises HumanError."""
        if self.modal_opened is None:
            raise HumanError("The bot opened no form.")
        return self.modal_opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One suggestion of an autocomplete."""

    name: str
    value: str | int | float


def read_message(raw: Payload) -> Message:
    """Return the message in a payload."""
    author, flags = raw["author"], raw["flags"]
    reference = raw.get("message_reference") or {}
    return Message(
        id=raw["id"],
        channel_id=raw["channel_id"],
        author=author["global_name"] or author["username"],
        content=raw["content"],
        files=tuple(map(_attachment, raw["attachments"])),
        components=tuple(
            _component(one) for one in walk(raw["components"]) if one["type"] in _OPERABLE
        ),
        embeds=tuple(raw["embeds"]),
        is_ephemeral=bool(flags & _EPHEMERAL),
        is_thinking=bool(flags & _LOADING),
        is_edited=raw["edited_timestamp"] is not None,
        reply_to=reference.get("message_id"),
        raw=raw,
    )


def read_modal(interaction_id: str, raw: Payload) -> Modal:
    """Return the form in a payload."""
    return Modal(
        interaction_id=interaction_id, title=raw["title"], custom_id=raw["custom_id"], raw=raw
    )


_OPERABLE = SELECTS | {Kind.BUTTON}


def _attachment(raw: Payload) -> Attachment:
    return Attachment(
        id=raw["id"],
        filename=raw["filename"],
        url=raw["url"],
        size_bytes=raw["size"],
        content_type=raw["content_type"],
        width=raw.get("width"),
        height=raw.get("height"),
        description=raw.get("description"),
    )


def _component(raw: Payload) -> Component:
    return Component(
        type=raw["type"],
        custom_id=raw.get("custom_id"),
        label=raw.get("label"),
        emoji=(raw.get("emoji") or {}).get("name"),
        style=raw.get("style"),
        is_disabled=raw.get("disabled", False),
        options=tuple(option["value"] for option in raw.get("options") or []),
    )
