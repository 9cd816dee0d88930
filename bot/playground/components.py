"""Message and modal components: walking, numbering, completing and finding them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any

from bot.playground.wire import Payload

MediaResolver = Callable[[str], Payload]
"""From the URL a bot wrote (`attachment://a.png`, `https://...`) to the media as it is shown."""


class Kind(IntEnum):
    """Discord's component types."""

    ACTION_ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT_DISPLAY = 10
    THUMBNAIL = 11
    MEDIA_GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTAINER = 17
    LABEL = 18
    FILE_UPLOAD = 19
    RADIO_GROUP = 21
    CHECKBOX_GROUP = 22
    CHECKBOX = 23


SELECTS = frozenset(
    {
        Kind.STRING_SELECT,
        Kind.USER_SELECT,
        Kind.ROLE_SELECT,
        Kind.MENTIONABLE_SELECT,
        Kind.CHANNEL_SELECT,
    }
)

_DEFAULTS: dict[int, Payload] = {
    **{kind: {"min_values": 1, "max_values": 1} for kind in SELECTS},
    Kind.FILE_UPLOAD: {"min_values": 1, "max_values": 1},
    Kind.CHECKBOX_GROUP: {"min_values": 1, "max_values": 10},
    Kind.CONTAINER: {"accent_color": None, "spoiler": False},
    Kind.SEPARATOR: {"spacing": 1, "divider": True},
    Kind.THUMBNAIL: {"description": None, "spoiler": False},
    Kind.FILE: {"name": None, "size": None, "spoiler": False},
}


def walk(components: list[Payload]) -> Iterator[Payload]:
    """Yield every component of the tree, parents first."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        for key in ("accessory", "component"):
            if child := component.get(key):
                yield from walk([child])


def numbered(components: list[Payload]) -> list[Payload]:
    """Return a copy in which every component has an id and what Discord fills in."""
    tree = copy.deepcopy(components)
    taken = {component["id"] for component in walk(tree) if component.get("id")}
    free = (number for number in range(1, 1000) if number not in taken)
    for component in walk(tree):
        for key in [key for key, value in component.items() if value is None]:
            del component[key]
        if not component.get("id"):
            component["id"] = next(free)
        for key, value in _DEFAULTS.get(component["type"], {}).items():
            component.setdefault(key, value)
        for option in component.get("options") or []:
            option.setdefault("default", False)
        for owner in (component, *(component.get("options") or [])):
            if (owner.get("emoji") or {}).get("id", "") is None:
                del owner["emoji"]["id"]
    return tree


def stored(components: list[Payload]) -> list[Payload]:
    """Return a message's components as Discord keeps them: numbered, without a form's keys."""
    tree = numbered(components)
    for component in walk(tree):
        component.pop("required", None)
    return tree


def resolved(components: list[Payload], resolve: MediaResolver) -> list[Payload]:
    """Return a copy in which every medium is one that can be fetched."""
    tree = copy.deepcopy(components)
    for component in walk(tree):
        if component["type"] == Kind.THUMBNAIL:
            component["media"] = resolve(component["media"]["url"])
        elif component["type"] == Kind.FILE:
            component["file"] = resolve(component["file"]["url"])
        elif component["type"] == Kind.MEDIA_GALLERY:
            for item in component["items"]:
                item["media"] = resolve(item["media"]["url"])
                item.setdefault("description", None)
                item.setdefault("spoiler", False)
    return tree


def find_pressable(components: list[Payload], wanted: str) -> Payload | None:
    """Return the button or select with this custom id, else with this label, emoji or text."""
    pressable = [component for component in walk(components) if component.get("custom_id")]
    for component in pressable:
        if component["custom_id"] == wanted:
            return component
    for component in pressable:
        if wanted in _faces(component):
            return component
    return None


def _faces(component: Payload) -> tuple[Any, ...]:
    emoji = (component.get("emoji") or {}).get("name")
    label = component.get("label")
    return label, emoji, f"{emoji} {label}", component.get("placeholder")
