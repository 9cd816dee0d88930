from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from bot.playground import ApiError
from bot.playground.clock import EPOCH_MILLISECONDS, Clock
from bot.playground.commands import CommandBook
from bot.playground.files import FileStore, picture_size, safe_name
from bot.playground.guild import Channel
from bot.playground.limits import COMPONENTS_V2, check_choices, check_fields, check_modal
from bot.playground.message import mentioned_ids
from bot.playground.ratelimit import RateLimiter
from bot.playground.wire import Upload

BUTTON = {"type": 2, "style": 1, "label": "U1", "custom_id": "u1"}
ROW = {"type": 1, "components": [BUTTON]}
TEXT = {"type": 10, "content": "x"}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"content": "x" * 2001}, "content"),
        ({"embeds": [{"title": "x" * 200, "description": "x" * 4000}] * 2}, "embeds"),
        ({"embeds": [{"fields": [{"name": "", "value": "x"}]}]}, "embeds.0.fields.0.name"),
        ({"embeds": [{"footer": {"text": "x" * 2049}}]}, "embeds.0.footer.text"),
        ({"components": [ROW] * 6}, "components"),
        ({"components": [TEXT]}, "components.0.type"),
        ({"components": [ROW, ROW]}, "components"),
        ({"components": [{"type": 1, "components": []}]}, "components.0.components"),
        (
            {"components": [{"type": 1, "components": [BUTTON | {"custom_id": None}]}]},
            "components.0.components.0.custom_id",
        ),
        (
            {"components": [{"type": 1, "components": [{"type": 2, "style": 5, "label": "x"}]}]},
            "components.0.components.0.url",
        ),
        ({"content": "x", "flags": COMPONENTS_V2, "components": [TEXT]}, "flags"),
        ({"flags": COMPONENTS_V2, "components": [TEXT] * 41}, "components"),
    ],
)
def test_a_message_over_a_limit_is_refused_where_it_is_over(
    fields: dict[str, Any], path: str
) -> None:
    with pytest.raises(ApiError) as caught:
        check_fields(fields)
    assert (caught.value.status, caught.value.code) == (400, 50035)
    node: Any = caught.value.errors
    for key in path.split("."):
        node = node[key]
    assert node["_errors"]


def test_a_message_at_its_limits_passes() -> None:
    check_fields({"content": "x" * 2000, "embeds": [{"description": "x" * 4096}]})
    check_fields({"flags": COMPONENTS_V2, "components": [TEXT] * 40})
    check_fields({"components": [{"type": 1, "components": [BUTTON | {"label": "x" * 80}]}]})


@pytest.mark.parametrize(
    "modal",
    [
        {"title": "x" * 46, "custom_id": "m", "components": [TEXT]},
        {"title": "x", "custom_id": "m", "components": [TEXT] * 6},
        {"title": "x", "custom_id": "m", "components": []},
        {"title": "x", "custom_id": "m", "components": [{"type": 18, "label": "x" * 46}]},
    ],
    ids=["title", "too many", "none", "label"],
)
def test_a_form_over_a_limit_is_refused(modal: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="50035"):
        check_modal(modal)


def test_twenty_five_suggestions_are_enough() -> None:
    choice = {"name": "x", "value": "x"}
    check_choices([choice] * 25)
    for choices in ([choice] * 26, [choice | {"name": "x" * 101}]):
        with pytest.raises(ApiError, match="50035"):
            check_choices(choices)


@pytest.mark.parametrize(
    "command",
    [
        {"name": "Imagine", "description": "x"},
        {"name": "two words", "description": "x"},
        {"name": "imagine", "description": ""},
        {"name": "imagine", "description": "x" * 101},
        {
            "name": "imagine",
            "description": "x",
            "options": [
                {"type": 3, "name": "a", "description": "x"},
                {"type": 3, "name": "b", "description": "x", "required": True},
            ],
        },
    ],
    ids=["capital", "space", "no description", "long description", "required after optional"],
)
def test_a_bad_command_is_not_registered(command: dict[str, Any]) -> None:
    book = CommandBook(clock=Clock())
    with pytest.raises(ApiError, match="50035"):
        book.overwrite([command], None)
    assert book.registered(None) == []


def test_a_hundred_commands_are_enough() -> None:
    book = CommandBook(clock=Clock())
    commands = [{"name": f"c{number}", "description": "x"} for number in range(101)]
    assert len(book.overwrite(commands[:100], None)) == 100
    with pytest.raises(ApiError, match="30032"):
        book.overwrite(commands, None)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_pictures_size_is_read_from_its_head(form: str) -> None:
    sizes = []
    for lossless in (False, True):
        buffer = io.BytesIO()
        Image.new("RGB", (321, 123), "red").save(buffer, form, **_lossless(form, lossless=lossless))
        sizes.append(picture_size(buffer.getvalue()))
    assert sizes == [(321, 123)] * 2
    assert picture_size(b"") is None
    assert picture_size(b"no picture at all, though long enough") is None


def _lossless(form: str, *, lossless: bool) -> dict[str, Any]:
    return {"lossless": lossless} if form == "WEBP" else {}


def test_file_names_are_made_harmless() -> None:
    assert safe_name("../../etc/pass wd") == "_.._etc_pass_wd"
    assert safe_name('a"b\r\n.png') == "a_b__.png"
    assert safe_name("...") == "file"


def test_snowflakes_rise_and_hold_the_time() -> None:
    clock = Clock()
    first, second = clock.snowflake(), clock.snowflake()
    clock.advance(3600)
    third = clock.snowflake()
    assert int(first) < int(second) < int(third)
    milliseconds = (int(third) >> 22) + EPOCH_MILLISECONDS
    assert abs(milliseconds / 1000 - clock.now()) < 1


async def test_what_became_due_happens_as_the_clock_advances() -> None:
    clock, rang = Clock(), list[str]()
    clock.call_later(10, lambda: rang.append("ten"))
    clock.call_later(5, lambda: rang.append("five"))
    cancelled = clock.call_later(7, lambda: rang.append("seven"))
    clock.call_later(6, lambda: clock.cancel(cancelled))
    clock.advance(4)
    assert rang == []
    clock.advance(8)
    assert rang == ["five", "ten"]


async def test_the_oldest_files_make_room() -> None:
    store = FileStore(clock=Clock(), max_stored_bytes=25)
    channel = Channel(id="1", name="x")
    files = [store.add(Upload(filename="a", data=bytes(10)), channel_id=channel.id) for _ in "123"]
    assert [store.get(file.id) is not None for file in files] == [False, True, True]
    store.discard(files[1])
    assert store.get(files[1].id)
    store.clock.advance(61)
    assert store.get(files[1].id) is None


def test_mentions_ping_whom_they_may() -> None:
    text = "<@1> and <@!2> and <@1>"
    assert mentioned_ids(text, None) == ["1", "2"]
    assert mentioned_ids(text, frozenset({"2"})) == ["2"]
    assert mentioned_ids(text, frozenset()) == []


def test_buckets_are_apart_by_channel_and_shared_by_message() -> None:
    limiter = RateLimiter()
    route = "/channels/{channel_id}/messages/{message_id}"

    def patch(channel: str, message: str) -> bool:
        parameters = {"channel_id": channel, "message_id": message}
        verdict = limiter.take("PATCH", route, parameters, counts_globally=True)
        return verdict.retry_after_seconds is None

    assert [patch("1", str(message)) for message in range(6)] == [True] * 5 + [False]
    assert patch("2", "0")
