"""The sentences that jobs are shown with. Pure: records in, text out.

The shapes follow Midjourney's (`**prompt** - <@user> (31%)`), so that people feel at home.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import assert_never

import discord

from bot.answers import described_prompts
from bot.dispatch.action import Action
from bot.prompt import Prompt
from engine.api import Answer, Described, Shortened, WordWeight
from storage import POISON, JobRecord, PictureRecord, QueueLimitError, QueueScope

PICTURES_PER_JOB = 4
MAX_PLACES = 10
"""What of the queue everyone is shown."""
MAX_LINES = 30
INTERRUPTED = "I was restarted before I could answer this. Please ask again."
IMPORTANT, UNIMPORTANT = 0.5, 0.15
"""Weights from which a word of a prompt is set in bold, and below which it is struck out."""
MAX_CHARACTERS = 2000
"""Discord's limit for a message."""
MAX_SHOWN = 1600
"""What of it a prompt may take; the whole prompt is in the database and in the picture."""


_LINK = re.compile(r"https?://[^\s<>\\]+?(?=(?:::[0-9.]+)?(?:[\s<>\\,]|$))")
"""A link without the weight behind it."""
_ATTACHMENT = re.compile(r"https?://[^/\s]+/(?:ephemeral-)?attachments/\d+/\d+/([\w.%-]+)")

_DEEDS = {
    Action.VARIATION_SUBTLE: "Variations (Subtle) by ",
    Action.VARIATION_STRONG: "Variations (Strong) by ",
    Action.BLEND: "Blend by ",
    Action.DESCRIBE: "Description for ",
    Action.SHORTEN: "Shortened for ",
}
"""What was done, as Midjourney words it; nothing for a first grid."""


def _shown(prompt: str) -> str:
    """Return a prompt that Discord shows as typed: no markdown, no mention, not too long."""
    shown = discord.utils.escape_mentions(discord.utils.escape_markdown(prompt))
    # What is left are mentions by id, custom emoji and timestamps: all begin with this bracket.
    shown = shown.replace("<", "\\<")
    # An attachment's link is long, and dead after a day. In brackets, one shows no preview: the
    # picture below is the one that counts.
    shown = _LINK.sub(r"<\g<0>>", _ATTACHMENT.sub(r"`\1`", shown))
    if len(shown) <= MAX_SHOWN:
        return shown
    # A cut between a backslash and its character would set the rest of the message in bold.
    return shown[: MAX_SHOWN - 1].rstrip("\\") + "…"


def _headline(job: JobRecord, deed: str) -> str:
    return f"**{_shown(job.prompt)}** - {deed}<@{job.user_id}>"


def _deed(job: JobRecord) -> str:
    return next((deed for action, deed in _DEEDS.items() if action == job.action), "")


def asked(prompt: str, *, user_id: int) -> str:
    """Say that somebody asked for this; its job comes next."""
    return f"**{_shown(prompt)}** - <@{user_id}> (Waiting to start)"


def question(prompts: Sequence[Prompt]) -> str:
    """Ask whether so many jobs shall be drawn, and name them."""
    lines, length = [], 0
    for number, prompt in enumerate(prompts, start=1):
        line = f"{number}. {_shown(prompt.canonical())}"
        length += len(line) + 1
        if length > MAX_SHOWN:
            lines.append(f"and {len(prompts) - number + 1} more")
            break
        lines.append(line)
    return "\n".join([f"That makes {_amount(prompts)}. Draw them all?", *lines])


def agreed(prompts: Sequence[Prompt]) -> str:
    """Say that all of it was queued."""
    return f"Drawing {_amount(prompts)}."


def _amount(prompts: Sequence[Prompt]) -> str:
    count = len(prompts)
    return f"{count} jobs of {PICTURES_PER_JOB} pictures, {count * PICTURES_PER_JOB} in all"


def waiting(job: JobRecord, *, jobs_ahead: int, wait_seconds: float | None) -> str:
    """Say that a job waits, behind how many, and how long about."""
    said = [f"{jobs_ahead} before you"] if jobs_ahead else []
    if wait_seconds is not None and wait_seconds >= 1:
        said.append(f"about {duration(wait_seconds)}")
    place = f": {', '.join(said)}" if said else ""
    return f"{_headline(job, _deed(job))} (Waiting to start{place})"


def duration(seconds: float) -> str:
    """Say how long something takes, no finer than an estimate is."""
    if seconds < 55:
        return f"{max(5, 5 * math.ceil(seconds / 5))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{round(minutes / 60)} h"


def queue(
    *,
    running: Sequence[tuple[int, float, float | None]],
    waiting: Sequence[tuple[int, float | None]],
    user_id: int,
) -> str:
    """Say what is being drawn and what waits; whose jobs they are is known to their owner only.

    `running` holds user, share done and seconds left; `waiting` user and seconds until it begins.
    """
    if not running and not waiting:
        return "Nothing is being drawn, and nothing waits."
    lines = [f"**{_count(len(running))} being drawn, {len(waiting)} waiting**"]
    for owner_id, share_done, seconds in running:
        left = "" if seconds is None else f", about {duration(seconds)} left"
        lines.append(f"\N{ARTIST PALETTE} {share_done:.0%}{left}{_mark(owner_id, user_id)}")
    for place, (owner_id, seconds) in enumerate(waiting, start=1):
        # The first places, and one's own wherever they are.
        if place <= MAX_PLACES or owner_id == user_id:
            wait = "" if seconds is None else f" in about {duration(seconds)}"
            lines.append(f"{place}.{wait}{_mark(owner_id, user_id)}")
    shown = "\n".join(lines[:MAX_LINES])
    return shown if len(lines) <= MAX_LINES else f"{shown}\n\N{HORIZONTAL ELLIPSIS}"


def _count(jobs: int) -> str:
    return f"{jobs} job" if jobs == 1 else f"{jobs} jobs"


def _mark(owner_id: int, user_id: int) -> str:
    return " \N{EM DASH} **yours**" if owner_id == user_id else ""


def too_many(error: QueueLimitError) -> str:
    """Say why no further job is taken, in numbers."""
    match error.scope:
        case QueueScope.USER:
            return (
                f"You have {error.waiting} jobs waiting, and {error.limit} is the limit for one"
                " person. Wait until one has begun, or cancel one."
            )
        case QueueScope.GUILD:
            return (
                f"{error.waiting} jobs of this server are waiting, and {error.limit} is the limit"
                " for one server. Try again in a few minutes."
            )
        case QueueScope.QUEUE:
            return (
                f"The queue is full: {error.waiting} jobs are waiting, and {error.limit} is the"
                " limit. Try again in a few minutes."
            )
        case _:
            assert_never(error.scope)


def starting(job: JobRecord) -> str:
    """Say that a worker has taken the job (it may be loading the model)."""
    return f"{_headline(job, _deed(job))} (0%)"


def running(job: JobRecord, *, step: int, total: int) -> str:
    """Say how far a job is."""
    return f"{_headline(job, _deed(job))} ({100 * step // total}%)"


def done(job: JobRecord) -> str:
    """Say that the job is done; the grid hangs below."""
    return f"{_headline(job, _deed(job))} ({job.lane})"


def answered(job: JobRecord, answer: Answer) -> str:
    """Say the words that were found, numbered as their buttons are."""
    match answer:
        case Described():
            lines = [
                f"{_headline(job, _deed(job))} (words by {_shown(answer.source)})",
                *_numbered(described_prompts(answer)),
            ]
        case Shortened():
            lines = [
                f"{_headline(job, _deed(job))}",
                " ".join(_weighed(one) for one in answer.words)[:MAX_SHOWN],
                *_numbered(answer.prompts),
            ]
        case _:
            assert_never(answer)
    return "\n".join(lines)[:MAX_CHARACTERS]


def details(answer: Shortened) -> str:
    """Say how much each word of a prompt matters, the weightiest first."""
    words = sorted(answer.words, key=lambda one: one.weight, reverse=True)[:MAX_LINES]
    return "\n".join(f"`{one.weight:.2f}` {_shown(one.word)}" for one in words)


def _numbered(prompts: Sequence[str]) -> list[str]:
    return [f"{number_label(index)} {_shown(prompt)}" for index, prompt in enumerate(prompts)]


def number_label(index: int) -> str:
    """Return the emoji of a number, from 1."""
    return f"{index + 1}\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}"


def _weighed(one: WordWeight) -> str:
    word = _shown(one.word)
    if one.weight >= IMPORTANT:
        return f"**{word}**"
    return f"~~{word}~~" if one.weight < UNIMPORTANT else word


def missed(content: str) -> str:
    """Say something late, because no way led to the user when it happened."""
    return f"I could not reach you with this before:\n{content}"


def gone(job: JobRecord) -> str:
    """Say that a job was drawn, and that its pictures are lost."""
    return f"{_headline(job, _deed(job))} (The pictures are no longer here)"


def single(job: JobRecord, picture: PictureRecord, *, user_id: int) -> str:
    """Say which picture of a grid this is, and its seed."""
    return f"**{_shown(job.prompt)}** - Image #{picture.image_index + 1} <@{user_id}>"


def cancelled(job: JobRecord) -> str:
    """Say that the job was stopped."""
    return f"{_headline(job, _deed(job))} (Stopped)"


def failed(job: JobRecord) -> str:
    """Say that the job failed, and why."""
    if job.error_kind == POISON:
        reason = "The worker died each time it drew this. Try a smaller size, or another prompt."
    else:
        reason = job.error_message or "Something went wrong while drawing."
    return f"{_headline(job, _deed(job))} (Failed)\n{reason}"
