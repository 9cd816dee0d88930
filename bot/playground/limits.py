"""Discord's limits on messages, checked before anything is stored: the 50035 trees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from bot.playground.components import SELECTS, Kind, walk
from bot.playground.errors import invalid_form, too_large
from bot.playground.wire import Body, Payload

Problem: TypeAlias = tuple[str, str, str]

MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_EMBED_CHARACTERS = 6000
COMPONENTS_V2 = 1 << 15

_REQUIRED = "This field is required"
_EMBED_TEXTS = {"title": 256, "description": 4096}
_TOP_LEVEL = frozenset({Kind.ACTION_ROW})


def _long(path: str, text: Any, limit: int) -> Iterator[Problem]:
    if isinstance(text, str) and len(text) > limit:
        yield path, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length."


def _many(path: str, items: Any, limit: int) -> Iterator[Problem]:
    if isinstance(items, list) and len(items) > limit:
        yield path, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length."


def check_message(body: Body) -> None:
    """Raise ApiError where the message breaks a limit."""
    if any(len(upload.data) > MAX_FILE_BYTES for upload in body.files.values()):
        raise too_large()
    check_fields(body.fields, file_count=len(body.files))


def check_fields(fields: Payload, *, file_count: int = 0) -> None:
    """Raise ApiError where the message's fields break a limit."""
    problems = list(_message_problems(fields))
    if file_count > 10:
        problems.append(("attachments", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length."))
    if problems:
        raise invalid_form(*problems)


def _message_problems(fields: Payload) -> Iterator[Problem]:
    embeds = fields.get("embeds") or []
    components = fields.get("components") or []
    is_v2 = bool((fields.get("flags") or 0) & COMPONENTS_V2)
    yield from _long("content", fields.get("content"), 2000)
    yield from _many("embeds", embeds, 10)
    yield from _many("attachments", fields.get("attachments"), 10)
    yield from _embeds_problems(embeds)
    yield from _component_problems(components, is_v2=is_v2)
    if is_v2 and (fields.get("content") or embeds):
        message = "The 'content' and 'embeds' fields cannot be used with IS_COMPONENTS_V2"
        yield "flags", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message


def _embeds_problems(embeds: list[Payload]) -> Iterator[Problem]:
    for index, embed in enumerate(embeds):
        yield from _embed_problems(f"embeds.{index}", embed)
    if sum(map(_embed_length, embeds)) > MAX_EMBED_CHARACTERS:
        message = f"Embed size exceeds maximum size of {MAX_EMBED_CHARACTERS}"
        yield "embeds", "MAX_EMBED_SIZE_EXCEEDED", message


def _embed_problems(path: str, embed: Payload) -> Iterator[Problem]:
    for key, limit in _EMBED_TEXTS.items():
        yield from _long(f"{path}.{key}", embed.get(key), limit)
    yield from _long(f"{path}.footer.text", (embed.get("footer") or {}).get("text"), 2048)
    yield from _long(f"{path}.author.name", (embed.get("author") or {}).get("name"), 256)
    fields = embed.get("fields") or []
    yield from _many(f"{path}.fields", fields, 25)
    for index, field in enumerate(fields):
        for key, limit in (("name", 256), ("value", 1024)):
            where = f"{path}.fields.{index}.{key}"
            if not field.get(key):
                yield where, "BASE_TYPE_REQUIRED", _REQUIRED
            yield from _long(where, field.get(key), limit)


def _embed_length(embed: Payload) -> int:
    texts = [embed.get("title"), embed.get("description")]
    texts += [(embed.get("footer") or {}).get("text"), (embed.get("author") or {}).get("name")]
    for field in embed.get("fields") or []:
        texts += [field.get("name"), field.get("value")]
    return sum(len(text) for text in texts if text)


def _component_problems(components: list[Payload], *, is_v2: bool) -> Iterator[Problem]:
    if is_v2:
        if sum(1 for _ in walk(components)) > 40:
            yield "components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "At most 40 components"
    else:
        yield from _many("components", components, 5)
        for index, row in enumerate(components):
            if row.get("type") not in _TOP_LEVEL:
                where = f"components.{index}.type"
                yield where, "UNION_TYPE_CHOICES", 'Value of field "type" must be one of (1,).'
    yield from _tree_problems("components", components)
    yield from _custom_id_problems(components)


def _tree_problems(path: str, components: list[Payload]) -> Iterator[Problem]:
    for index, component in enumerate(components):
        where = f"{path}.{index}"
        yield from _one_component_problems(where, component)
        children = component.get("components") or []
        yield from _tree_problems(f"{where}.components", children)
        if component.get("type") == Kind.ACTION_ROW:
            width = sum(5 if child.get("type") in SELECTS else 1 for child in children)
            if not 1 <= width <= 5:
                message = "Must be between 1 and 5 in width."
                yield f"{where}.components", "BASE_TYPE_BAD_LENGTH", message


def _one_component_problems(where: str, component: Payload) -> Iterator[Problem]:
    yield from _long(f"{where}.custom_id", component.get("custom_id"), 100)
    yield from _long(f"{where}.placeholder", component.get("placeholder"), 150)
    yield from _many(f"{where}.options", component.get("options"), 25)
    for number, option in enumerate(component.get("options") or []):
        for key in ("label", "value", "description"):
            yield from _long(f"{where}.options.{number}.{key}", option.get(key), 100)
    if component.get("type") == Kind.BUTTON:
        yield from _long(f"{where}.label", component.get("label"), 80)
        key = {5: "url", 6: "sku_id"}.get(component.get("style", 1), "custom_id")
        if not component.get(key):
            yield f"{where}.{key}", "BASE_TYPE_REQUIRED", _REQUIRED


def _custom_id_problems(components: list[Payload]) -> Iterator[Problem]:
    seen = set()
    for component in walk(components):
        custom_id = component.get("custom_id")
        if custom_id in seen:
            message = "Component custom id cannot be duplicated"
            yield "components", "COMPONENT_CUSTOM_ID_DUPLICATED", message
        if custom_id:
            seen.add(custom_id)


def check_modal(modal: Payload) -> None:
    """Raise ApiError where a modal breaks a limit."""
    problems = [
        *_long("data.title", modal.get("title"), 45),
        *_long("data.custom_id", modal.get("custom_id"), 100),
        *_many("data.components", modal.get("components"), 5),
        *_custom_id_problems(modal.get("components") or []),
    ]
    problems += [
        (f"data.{key}", "BASE_TYPE_REQUIRED", _REQUIRED)
        for key in ("title", "custom_id", "components")
        if not modal.get(key)
    ]
    for index, component in enumerate(modal.get("components") or []):
        where = f"data.components.{index}"
        problems += _long(f"{where}.label", component.get("label"), 45)
        problems += _long(f"{where}.description", component.get("description"), 100)
    if problems:
        raise invalid_form(*problems)


def check_choices(choices: list[Payload]) -> None:
    """Raise ApiError where the answer to an autocomplete breaks a limit."""
    problems = [*_many("data.choices", choices, 25)]
    for index, choice in enumerate(choices):
        for key in ("name", "value"):
            problems += _long(f"data.choices.{index}.{key}", choice.get(key), 100)
    if problems:
        raise invalid_form(*problems)
