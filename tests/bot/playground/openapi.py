"""Discord's own OpenAPI document as the judge of both sides: what the bot sends, and what the
channel answers.

Strict: a key that the document does not know is a violation. The habits of discord.py are known and
let through: ids as numbers, and the keys in `_is_habit`.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any, TypeAlias

import jsonschema_rs
import pytest

from bot.playground import Exchange, Playground

Schema: TypeAlias = dict[str, Any]

DOCUMENT = Path(__file__).parents[4] / "shared" / "discord" / "openapi.json"
requires_openapi = pytest.mark.skipif(
    not DOCUMENT.exists(), reason=f"LOUD SKIP: no {DOCUMENT.name}: nothing judges the channel"
)

_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_SNOWFLAKE_KEYS = frozenset({"id", "recipient_id", "message_id", "channel_id", "guild_id"})


class OpenAPIValidator:
    """Judges exchanges; `violations` tells what was wrong with them."""

    def __init__(self, path: Path = DOCUMENT) -> None:
        self.violations: list[str] = []
        self.checked = 0
        """How many bodies were judged."""
        self._path = path
        self._document = _strict_document(path)
        self._operations = _operations(path)

    def attach(self, playground: Playground) -> OpenAPIValidator:
        """Judge every exchange of a playground from now on."""
        playground.observers.append(self.check)
        return self

    def check(self, exchange: Exchange) -> None:
        """Judge one exchange, request and response."""
        operation = self._find(exchange)
        if operation is None:
            self.violations.append(f"{exchange.method} {exchange.path}: no such operation")
            return
        where = f"{exchange.method} {exchange.path}"
        # What the channel refused need not be well-formed; that it was refused is the bot's news.
        if exchange.status < 400:
            self._check_request(operation, exchange, where)
        self._check_response(operation, exchange, where)

    def _check_request(self, operation: Schema, exchange: Exchange, where: str) -> None:
        body = operation.get("requestBody")
        if exchange.request is None:
            if body and body.get("required"):
                self.violations.append(f"{where}: the request has no body")
            return
        if body is None:
            self.violations.append(f"{where}: the request has a body")
            return
        schema = body["content"]["application/json"]["schema"]
        self._judge(schema, _tolerated(exchange.request), f"{where} request")

    def _check_response(self, operation: Schema, exchange: Exchange, where: str) -> None:
        responses = operation["responses"]
        status = str(exchange.status)
        response = responses.get(status) or responses.get(f"{status[0]}XX")
        if response and "$ref" in response:
            name = response["$ref"].split("/")[-1]
            response = self._document["components"]["responses"][name]
        if response is None:
            self.violations.append(f"{where}: answers {status}, which is not foreseen")
            return
        content = response.get("content", {}).get("application/json")
        if content is None:
            if exchange.response is not None:
                self.violations.append(f"{where}: answers {status} with a body")
            return
        self._judge(content["schema"], exchange.response, f"{where} response {status}")

    def _judge(self, schema: Schema, instance: Any, where: str) -> None:
        self.checked += 1
        for error in _validator(self._path, json.dumps(schema)).iter_errors(instance):
            for cause in _causes(error):
                path = "/".join(map(str, cause.instance_path)) or "top"
                self.violations.append(f"{where} at {path}: {str(cause.message)[-300:]}")

    def _find(self, exchange: Exchange) -> Schema | None:
        for method, pattern, operation in self._operations:
            if method == exchange.method and pattern.fullmatch(exchange.path):
                return operation
        return None


@functools.cache
def _operations(path: Path) -> list[tuple[str, re.Pattern[str], Schema]]:
    """Return (method, pattern, operation), paths with fewer variables first."""
    paths = _strict_document(path)["paths"]
    return [
        (
            method.upper(),
            re.compile(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(template))),
            operation,
        )
        for template in sorted(paths, key=lambda template: str(template).count("{"))
        for method, operation in paths[template].items()
        if method in _METHODS
    ]


@functools.cache
def _validator(path: Path, schema: str) -> Any:
    """Return the compiled schema; compiling takes longer than a thousand judgements."""
    components = _strict_document(path)["components"]
    whole = {"components": components, "allOf": [json.loads(schema)]}
    return jsonschema_rs.Draft202012Validator(whole)


@functools.cache
def _strict_document(path: Path) -> Schema:
    """Return the document with every closed object schema refusing keys it does not name."""
    document: Schema = json.loads(path.read_text())
    schemas = document["components"]["schemas"]
    # The document calls the code of a field's error a number; Discord's docs and replies have text.
    inner = {"code": {"type": "string"}, "message": {"type": "string"}}
    schemas["InnerErrors"]["properties"]["_errors"]["items"] = {"properties": inner}
    bases = {base for schema in schemas.values() for base in _bases(schema)}
    for name, schema in schemas.items():
        if name not in bases:
            _close(schema)
    return document


def _bases(schema: Schema) -> list[str]:
    """Return the names of what an object schema is composed of: they stay open for its keys."""
    parts = schema.get("allOf", []) if schema.get("type") == "object" else []
    return [part["$ref"].split("/")[-1] for part in parts if "$ref" in part]


def _close(schema: Any) -> None:
    if isinstance(schema, list):
        for item in schema:
            _close(item)
    if not isinstance(schema, dict):
        return
    is_object = "properties" in schema or (schema.get("type") == "object" and "allOf" in schema)
    if is_object and schema.get("additionalProperties") is None:
        schema["unevaluatedProperties"] = False
    for key, value in schema.items():
        if key != "allOf":
            _close(value)


def _causes(error: Any) -> list[Any]:
    """Return the errors within the branch of a union that came closest, else the error itself."""
    branches = getattr(error.kind, "context", None)
    if not branches:
        return [error]
    nearest = max(branches, key=lambda branch: max(len(one.instance_path) for one in branch))
    return [cause for one in nearest for cause in _causes(one)]


def _tolerated(value: Any, *, key: str = "") -> Any:
    """Return a request without discord.py's habits: ids as numbers, and keys it always sends."""
    if isinstance(value, list):
        return [_tolerated(item, key=key) for item in value]
    if not isinstance(value, dict):
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return str(value) if key in _SNOWFLAKE_KEYS and is_number else value
    kept = {name: item for name, item in value.items() if not _is_habit(name, value)}
    return {name: _tolerated(item, key=name) for name, item in kept.items()}


def _is_habit(name: str, owner: Schema) -> bool:
    match name:
        case "nsfw":
            return "default_member_permissions" in owner or "integration_types" in owner
        case "tts":
            return True
        case "flags":
            return owner.get("type") == "rich" or "fields" in owner
        case "url" | "proxy_url" | "size" | "height" | "width" | "content_type" | "spoiler":
            return "proxy_url" in owner
        case _:
            return False
