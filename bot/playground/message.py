"""Messages: what a bot asks for (a draft), what is kept, and how Discord describes it."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field, replace
from typing import Any

from bot.playground import components as tree
from bot.playground.components import MediaResolver
from bot.playground.errors import empty_message, invalid_form
from bot.playground.files import File, FileStore
from bot.playground.guild import APPLICATION_ID, Channel, User
from bot.playground.limits import COMPONENTS_V2, check_message
from bot.playground.wire import Body, Payload, Upload

EPHEMERAL = 1 << 6
LOADING = 1 << 7
SETTABLE_FLAGS = 1 << 2 | EPHEMERAL | 1 << 12 | COMPONENTS_V2
"""Suppress embeds, ephemeral, silent, components V2."""

_MENTION = re.compile(r"<@!?(\d+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message as it was sent, or the changes of an edit: None says nothing about a field."""

    content: str | None = None
    embeds: list[Payload] | None = None
    components: list[Payload] | None = None
    flags: int = 0
    mentions: frozenset[str] | None = None
    """Whom the text may ping; None: everyone whom it names."""
    kept_file_ids: frozenset[str] | None = None
    """Which of the present files stay; None: all."""
    uploads: tuple[tuple[Upload, str | None], ...] = ()
    """New files, each with its description."""
    reference: str | None = None
    nonce: str | None = None
    enforces_nonce: bool = False

    def keeps(self, file: File) -> bool:
        """Return whether a present file stays."""
        return self.kept_file_ids is None or file.id in self.kept_file_ids

    @property
    def is_empty(self) -> bool:
        """Return whether it shows nothing at all."""
        return not (self.content or self.embeds or self.components or self.uploads)


def read_draft(body: Body, fields: Payload | None = None) -> Draft:
    """Check a body against the limits and return the draft in it. Raises ApiError.

    `fields` stands for the body's JSON where the message lies deeper in it.
    """
    fields = body.fields if fields is None else fields
    check_message(Body(payload=fields, files=body.files))
    descriptions, kept = _read_attachments(fields, body)
    nonce = fields.get("nonce")
    return Draft(
        content=_or_empty(fields, "content", ""),
        embeds=_or_empty(fields, "embeds", []),
        components=_or_empty(fields, "components", []),
        flags=(fields.get("flags") or 0) & SETTABLE_FLAGS,
        mentions=_read_mentions(fields.get("allowed_mentions")),
        kept_file_ids=kept,
        uploads=tuple((upload, descriptions.get(key)) for key, upload in body.files.items()),
        reference=_read_reference(fields),
        nonce=None if nonce is None else str(nonce),
        enforces_nonce=bool(fields.get("enforce_nonce")),
    )


def _or_empty(fields: Payload, key: str, empty: Any) -> Any:
    return (fields[key] or empty) if key in fields else None


def _read_attachments(
    fields: Payload, body: Body
) -> tuple[dict[str, str | None], frozenset[str] | None]:
    rows = fields.get("attachments")
    if rows is None:
        return {}, frozenset() if "attachments" in fields else None
    if any("id" not in row for row in rows):
        raise invalid_form(("attachments", "BASE_TYPE_REQUIRED", "This field is required"))
    descriptions = {str(row["id"]): row.get("description") for row in rows}
    return descriptions, frozenset(descriptions) - frozenset(body.files)


def _read_mentions(allowed: Payload | None) -> frozenset[str] | None:
    if allowed is None or "users" in allowed.get("parse", []):
        return None
    return frozenset(map(str, allowed.get("users", [])))


def _read_reference(fields: Payload) -> str | None:
    reference = fields.get("message_reference") or {}
    message_id = reference.get("message_id")
    return None if message_id is None else str(message_id)


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """One message of a channel."""

    id: str
    channel: Channel
    author: User
    timestamp: str
    type: int = 0
    content: str = ""
    embeds: list[Payload] = field(default_factory=list)
    components: list[Payload] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    flags: int = 0
    mentions: list[User] = field(default_factory=list)
    edited_timestamp: str | None = None
    reference: Message | None = None
    reference_id: str | None = None
    interaction: Payload | None = None
    """The `interaction_metadata` of what it answers."""
    command_name: str | None = None
    owner_id: str | None = None
    """The only person who sees it (an ephemeral message); None: everyone in the channel."""
    nonce: str | None = None
    is_deleted: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    """Emoji to the ids of who reacted with it."""

    @property
    def is_loading(self) -> bool:
        """Return whether it still says "is thinking"."""
        return bool(self.flags & LOADING)

    def revised(self, draft: Draft, files: FileStore) -> Message:
        """Return the message with a draft's changes. Raises ApiError where it cannot be so."""
        kept = [one for one in self.files if draft.keeps(one)]
        new = [
            files.add(upload, channel_id=self.channel.id, description=description)
            for upload, description in draft.uploads
        ]
        revised = replace(self, files=kept + new, flags=self.flags | draft.flags & ~EPHEMERAL)
        if draft.content is not None:
            revised.content = draft.content
        if draft.embeds is not None:
            revised.embeds = draft.embeds
        if draft.components is not None:
            revised.components = tree.stored(draft.components)
        if not draft.is_empty or draft.content is not None:
            revised.flags &= ~LOADING
        revised.require_something()
        if draft.embeds is not None or draft.components is not None:
            revised.require_files()
        return revised

    def become(self, revised: Message) -> None:
        """Take over what a revision changed."""
        self.content, self.embeds = revised.content, revised.embeds
        self.components, self.files = revised.components, revised.files
        self.flags = revised.flags

    def require_something(self) -> None:
        """Raise ApiError if nothing is left to show."""
        if not (self.content or self.embeds or self.components or self.files or self.is_loading):
            raise empty_message()

    def require_files(self) -> None:
        """Raise ApiError if an `attachment://` names a file that is not there."""
        names = {file.filename for file in self.files}
        for url in _attachment_urls(self.embeds) + _attachment_urls(self.components):
            if url.removeprefix("attachment://") not in names:
                message = "Unable to resolve the attachment with the given filename"
                raise invalid_form(("attachments", "UNRESOLVED_ATTACHMENT", message))


def _attachment_urls(value: Any) -> list[str]:
    """Return every `attachment://` in a tree of JSON."""
    if isinstance(value, str):
        return [value] if value.startswith("attachment://") else []
    children = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        return [url for child in children for url in _attachment_urls(child)]
    return []


def mentioned_ids(content: str, allowed: frozenset[str] | None) -> list[str]:
    """Return whom a text pings, in order and once each."""
    named = dict.fromkeys(_MENTION.findall(content))
    return [user_id for user_id in named if allowed is None or user_id in allowed]


def describe(message: Message, files: FileStore, *, with_reference: bool = True) -> Payload:
    """Return the message as Discord describes it, its URLs signed anew."""
    ephemeral = message.owner_id is not None
    in_embeds = set(_attachment_urls(message.embeds))
    resolve = _resolver(message, files)
    payload: Payload = {
        "id": message.id,
        "type": message.type,
        "channel_id": message.channel.id,
        "author": message.author.payload(),
        "content": message.content,
        "timestamp": message.timestamp,
        "edited_timestamp": message.edited_timestamp,
        "tts": False,
        "pinned": False,
        "mention_everyone": False,
        "mentions": [user.payload() for user in message.mentions],
        "mention_roles": [],
        "attachments": [
            files.payload(file, ephemeral=ephemeral)
            for file in message.files
            if f"attachment://{file.filename}" not in in_embeds
        ],
        "embeds": [_describe_embed(embed, resolve) for embed in message.embeds],
        "components": tree.resolved(message.components, resolve),
        "flags": message.flags,
    }
    return payload | _extras(message, files, with_reference=with_reference)


def _extras(message: Message, files: FileStore, *, with_reference: bool) -> Payload:
    extras: Payload = {}
    if message.nonce is not None:
        extras["nonce"] = message.nonce
    if message.author.is_bot and message.interaction:
        extras |= {"application_id": APPLICATION_ID, "webhook_id": APPLICATION_ID}
        extras["interaction_metadata"] = message.interaction
    if message.command_name and message.interaction:
        extras["interaction"] = {
            "id": message.interaction["id"],
            "type": message.interaction["type"],
            "name": message.command_name,
            "user": message.interaction["user"],
        }
    if message.reactions:
        extras["reactions"] = [_reaction(name, ids) for name, ids in message.reactions.items()]
    if message.reference_id:
        place = {"type": 0, "channel_id": message.channel.id, "message_id": message.reference_id}
        extras["message_reference"] = place
        if with_reference:
            target = message.reference
            if target and target.is_deleted:
                target = None
            extras["referenced_message"] = (
                describe(target, files, with_reference=False) if target else None
            )
    return extras


def _reaction(name: str, user_ids: list[str]) -> Payload:
    return {
        "emoji": {"id": None, "name": name},
        "count": len(user_ids),
        "count_details": {"normal": len(user_ids), "burst": 0},
        "burst_colors": [],
        "me": APPLICATION_ID in user_ids,
        "me_burst": False,
    }


def _resolver(message: Message, files: FileStore) -> MediaResolver:
    by_name = {file.filename: file for file in message.files}

    def resolve(url: str) -> Payload:
        file = by_name.get(url.removeprefix("attachment://"))
        if file is None:
            return {"id": message.id, "url": url, "proxy_url": url, "width": 0, "height": 0}
        address = files.url(file)
        return {
            "id": file.id,
            "url": address,
            "proxy_url": address,
            "width": file.width,
            "height": file.height,
            "content_type": file.content_type,
            "attachment_id": file.id,
        }

    return resolve


_PICTURE_KEYS = ("url", "proxy_url", "width", "height", "content_type")


def _describe_embed(embed: Payload, resolve: MediaResolver) -> Payload:
    """Return an embed as Discord stores it: typed, its pictures resolved, no unknown keys."""
    shown = copy.deepcopy({key: value for key, value in embed.items() if value is not None})
    shown.pop("flags", None)
    shown["type"] = "rich"
    for key in ("image", "thumbnail"):
        if key in shown:
            media = resolve(shown[key]["url"])
            shown[key] = {name: media[name] for name in _PICTURE_KEYS if media.get(name)}
    for row in shown.get("fields", []):
        row.setdefault("inline", False)
    for key in ("author", "footer"):
        if icon := shown.get(key, {}).get("icon_url"):
            media = resolve(icon)
            shown[key] |= {"icon_url": media["url"], "proxy_icon_url": media["proxy_url"]}
    return shown
