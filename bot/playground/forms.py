"""Modals as people fill them in: checked, and put into the shape of a modal submit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.playground.components import SELECTS, Kind
from bot.playground.errors import RefusedError
from bot.playground.resolve import Resolver
from bot.playground.wire import Payload

_MANY = SELECTS | {Kind.CHECKBOX_GROUP, Kind.FILE_UPLOAD}


@dataclass(frozen=True, slots=True)
class Form:
    """One modal; values are named by custom id or by label."""

    modal: Payload
    resolver: Resolver

    def filled(self, given: Mapping[str, Any]) -> list[Payload]:
        """Return the submitted components. Raises RefusedError."""
        names = {name for part in self.modal["components"] for name in _names(part)}
        if unknown := given.keys() - names:
            raise RefusedError(f"The form has no field {', '.join(sorted(unknown))}.")
        return [self._part(part, given) for part in self.modal["components"]]

    def _part(self, part: Payload, given: Mapping[str, Any]) -> Payload:
        shell: Payload = {"type": part["type"], "id": part["id"]}
        match part["type"]:
            case Kind.ACTION_ROW:
                fields = [self._field(child, given, None) for child in part["components"]]
                return shell | {"components": fields}
            case Kind.LABEL:
                return shell | {"component": self._field(part["component"], given, part["label"])}
            case _:
                return shell

    def _field(self, field: Payload, given: Mapping[str, Any], label: str | None) -> Payload:
        custom_id = field["custom_id"]
        label = label or field.get("label") or custom_id
        value = given.get(custom_id, given.get(label))
        shell: Payload = {key: field[key] for key in ("type", "id", "custom_id")}
        match field["type"]:
            case Kind.TEXT_INPUT:
                return shell | {"value": _text(field, label, value)}
            case Kind.CHECKBOX:
                return shell | {"value": field.get("default", False) if value is None else value}
            case Kind.RADIO_GROUP:
                chosen = self._chosen(field, label, value)
                return shell | {"value": chosen[0] if chosen else None}
            case _:
                return shell | {"values": self._chosen(field, label, value)}

    def _chosen(self, field: Payload, label: str, value: Any) -> list[str]:
        values = _preset(field) if value is None else value
        values = [values] if isinstance(values, str) else list(values)
        if not values:
            if field.get("required", True):
                raise RefusedError(f"{label} is required.")
            return []
        return self.resolver.chosen(field, values)


def _names(part: Payload) -> list[str]:
    """Return every name by which the fields of a part may be called."""
    fields = part.get("components") or [part.get("component") or {}]
    names = [field.get(key) for field in fields for key in ("custom_id", "label")]
    return [name for name in [*names, part.get("label")] if name]


def _preset(field: Payload) -> list[str]:
    options = field.get("options") or []
    preset = [option["value"] for option in options if option.get("default")]
    return preset + [row["id"] for row in field.get("default_values") or []]


def _text(field: Payload, label: str, value: Any) -> str:
    text = str(field.get("value") or "" if value is None else value)
    if not text and field.get("required", True):
        raise RefusedError(f"{label} is required.")
    low, high = field.get("min_length") or 0, field.get("max_length") or 4000
    if text and not low <= len(text) <= high:
        raise RefusedError(f"{label} is to be {low} to {high} characters long, not {len(text)}.")
    return text
