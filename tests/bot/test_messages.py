"""The sentences under jobs: Midjourney's shapes, safe with any prompt, within Discord's limit."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import messages
from bot.prompt import parse, parse_all
from engine.api import Described, Shortened, WordWeight
from storage import POISON, JobRecord, JobState

JOB = JobRecord(
    id=7,
    idempotency_key="interaction:1",
    user_id=42,
    guild_id=1,
    channel_id=2,
    message_id=3,
    interaction_token=None,
    interaction_expires_at=None,
    action="imagine",
    parent_job_id=None,
    parent_image_index=None,
    lane="fast",
    compat_key="pocket:128x128",
    prompt="a red apple --ar 3:2",
    request={},
    request_version=1,
    state=JobState.QUEUED,
    fence=0,
    attempts=0,
    worker=None,
    lease_until=None,
    cancel_requested=False,
    cancelled_by=None,
    error_kind=None,
    error_message=None,
    timings=None,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    started_at=None,
    finished_at=None,
)

EXAMPLES = [
    (
        messages.waiting(JOB, jobs_ahead=0, wait_seconds=0),
        "**a red apple --ar 3:2** - <@42> (Waiting to start)",
    ),
    (
        messages.waiting(JOB, jobs_ahead=2, wait_seconds=None),
        "**a red apple --ar 3:2** - <@42> (Waiting to start: 2 before you)",
    ),
    (
        messages.waiting(JOB, jobs_ahead=2, wait_seconds=18.2),
        "**a red apple --ar 3:2** - <@42> (Waiting to start: 2 before you, about 20 s)",
    ),
    (
        messages.waiting(JOB, jobs_ahead=0, wait_seconds=200),
        "**a red apple --ar 3:2** - <@42> (Waiting to start: about 3 min)",
    ),
    (messages.starting(JOB), "**a red apple --ar 3:2** - <@42> (0%)"),
    (messages.running(JOB, step=31, total=100), "**a red apple --ar 3:2** - <@42> (31%)"),
    (messages.done(JOB), "**a red apple --ar 3:2** - <@42> (fast)"),
    (messages.cancelled(JOB), "**a red apple --ar 3:2** - <@42> (Stopped)"),
    (
        messages.done(replace(JOB, action="variation_strong")),
        "**a red apple --ar 3:2** - Variations (Strong) by <@42> (fast)",
    ),
    (
        messages.done(replace(JOB, action="blend", prompt="https://a.b/c_d.png::2 http://e/f")),
        "**<https://a.b/c_d.png>::2 <http://e/f>** - Blend by <@42> (fast)",
    ),
    (
        messages.done(
            replace(JOB, prompt="https://cdn.discordapp.com/attachments/1/23/c_d-e.png::2 a *cat*")
        ),
        r"**`c_d-e.png`::2 a \*cat\*** - <@42> (fast)",
    ),
    (
        messages.answered(
            replace(JOB, action="describe", prompt="https://a.b/c.png"),
            Described(prompts=["a cat", "a *hat*"], width=1365, height=2048, source="BLIP"),
        ),
        (
            "**<https://a.b/c.png>** - Description for <@42> (words by BLIP)\n"
            "1\ufe0f\u20e3 a cat --ar 2:3\n2\ufe0f\u20e3 a \\*hat\\* --ar 2:3"
        ),
    ),
    (
        messages.answered(
            replace(JOB, action="shorten", prompt="a very red apple"),
            Shortened(
                words=[
                    WordWeight(word="a", weight=0.0),
                    WordWeight(word="very", weight=0.2),
                    WordWeight(word="red", weight=1.0),
                ],
                prompts=["very red", "red"],
            ),
        ),
        (
            "**a very red apple** - Shortened for <@42>\n~~a~~ very **red**\n"
            "1\ufe0f\u20e3 very red\n2\ufe0f\u20e3 red"
        ),
    ),
]


@pytest.mark.parametrize(("shown", "expected"), EXAMPLES, ids=[shown for _, shown in EXAMPLES])
def test_the_shapes_are_midjourneys(shown: str, expected: str) -> None:
    assert shown == expected


def test_a_poisoned_job_says_what_to_do() -> None:
    text = messages.failed(replace(JOB, error_kind=POISON, error_message="exit code -9"))
    assert "Try a smaller size" in text
    assert "-9" not in text


def test_a_failed_job_says_why() -> None:
    assert messages.failed(replace(JOB, error_message="No room.")).endswith("(Failed)\nNo room.")


def test_a_prompt_pings_nobody_and_formats_nothing() -> None:
    shown = messages.done(replace(JOB, prompt="@everyone <@1> **bold** `code` ||spoiler||"))
    assert "@everyone" not in shown
    assert "\\<@1>" in shown
    assert "**bold**" not in shown
    assert "||spoiler||" not in shown


@given(st.text(max_size=6000), st.integers(0, 10**9))
def test_every_sentence_fits_a_message(prompt: str, ahead: int) -> None:
    job = replace(JOB, prompt=prompt, error_message="x" * 200, action="variation_strong")
    assert len(messages.waiting(job, jobs_ahead=ahead, wait_seconds=ahead)) <= 2000
    assert len(messages.failed(job)) <= 2000


@given(st.text(max_size=300), st.integers(1, 40))
def test_the_question_fits_into_a_message_whatever_is_asked_for(words: str, count: int) -> None:
    prompts = parse_all(f"a {words.translate(str.maketrans('{}', '()'))}".replace("-", "_")[:300])
    assert len(messages.question(prompts * count)) <= 2000


def test_the_question_names_the_cost_and_what_is_drawn() -> None:
    prompts = parse_all("a {cat, *dog*} --repeat 3")
    first, *lines = messages.question(prompts).splitlines()
    assert first == "That makes 6 jobs of 4 pictures, 24 in all. Draw them all?"
    assert lines[0] == "1. a cat"
    assert lines[5] == r"6. a \*dog\*"
    long = [parse("a" * 700)] * 5
    assert messages.question(long).splitlines()[-1] == "and 3 more"
    assert messages.agreed(prompts) == "Drawing 6 jobs of 4 pictures, 24 in all."


def test_a_prompt_is_shown_before_it_has_a_job() -> None:
    assert messages.asked("a *cat*", user_id=42) == r"**a \*cat\*** - <@42> (Waiting to start)"
