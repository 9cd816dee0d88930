from __future__ import annotations

from typing import Any

import pytest

from bot.playground import Exchange
from tests.bot.playground.openapi import OpenAPIValidator, requires_openapi

pytestmark = requires_openapi


@pytest.fixture(scope="module")
def validator() -> OpenAPIValidator:
    return OpenAPIValidator()


def sent(body: Any, path: str = "/channels/1/messages") -> Exchange:
    return Exchange(
        method="POST",
        path=path,
        content_type="application/json",
        request=body,
        file_count=0,
        status=204,
        response=None,
    )


BUTTON = {"type": 2, "style": 1, "label": "U1", "custom_id": "u1"}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"contnet": "misspelt"}, "contnet"),
        ({"content": "x" * 4001}, "longer than"),
        ({"content": "x", "embeds": [{"title": "x" * 257}]}, "longer than"),
        ({"content": "x", "embeds": [{}] * 11}, "more than"),
        ({"components": [{"type": 1, "components": [BUTTON] * 6}]}, "more than"),
        ({"components": [{"type": 1, "components": [BUTTON | {"lable": "x"}]}]}, "lable"),
        ({"attachments": [{"id": "0"}] * 11}, "more than"),
    ],
    ids=["misspelt", "long", "title", "embeds", "buttons", "nested misspelt", "attachments"],
)
def test_a_bad_body_is_noticed(body: Any, complaint: str, validator: OpenAPIValidator) -> None:
    validator.violations.clear()
    validator.check(sent(body))
    assert any(complaint in one for one in validator.violations), validator.violations


def test_a_path_that_discord_lacks_is_noticed(validator: OpenAPIValidator) -> None:
    validator.violations.clear()
    validator.check(sent({}, "/channels/1/pictures"))
    assert validator.violations == ["POST /channels/1/pictures: no such operation"]


def test_discord_pys_habits_pass(validator: OpenAPIValidator) -> None:
    validator.violations.clear()
    validator.check(
        sent(
            {
                "content": "x",
                "tts": False,
                "embeds": [{"type": "rich", "title": "x", "flags": 0}],
                "attachments": [{"id": 0, "filename": "a.png"}],
                "message_reference": {"message_id": 1, "channel_id": 2},
            }
        )
    )
    assert [one for one in validator.violations if "request" in one] == []
