"""The sentences that jobs are shown with. Pure: records in, text out.

The shapes follow Midjourney's (`**prompt** - <@user> (31%)`), so that people feel at home.
"""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.prompt import Prompt
from storage import POISON, JobRecord, PictureRecord

PICTURES_PER_JOB = 4
MAX_SHOWN = 1600
"""What of it a prompt may take; the whole prompt is in the database and in the picture."""


def _shown(prompt: str) -> str:
    """Return a prompt that Discord shows as typed: no markdown, no mention, not too long."""
    shown = discord.utils.escape_mentions(discord.utils.escape_markdown(prompt))
    # What is left are mentions by id, custom emoji and timestamps: all begin with this bracket.
    shown = shown.replace("<", "\\<")
    if len(shown) <= MAX_SHOWN:
        return shown
    # A cut between a backslash and its character would set the rest of the message in bold.
    return shown[: MAX_SHOWN - 1].rstrip("\\") + "…"


def _headline(job: JobRecord, deed: str) -> str:
    return f"**{_shown(job.prompt)}** - {deed}<@{job.user_id}>"


def _deed(job: JobRecord) -> str:
    """Return what was done, as Midjourney words it: nothing for a first grid."""
    return "Variations by " if job.action == "variation" else ""


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


def waiting(job: JobRecord, *, jobs_ahead: int) -> str:
    """Say that a job waits, and behind how many."""
    place = f": {jobs_ahead} before you" if jobs_ahead else ""
    return f"{_headline(job, _deed(job))} (Waiting to start{place})"


def starting(job: JobRecord) -> str:
    """Say that a worker has taken the job (it may be loading the model)."""
    return f"{_headline(job, _deed(job))} (0%)"


def running(job: JobRecord, *, step: int, total: int) -> str:
    """Say how far a job is."""
    return f"{_headline(job, _deed(job))} ({100 * step // total}%)"


def done(job: JobRecord) -> str:
    """Say that the job is done; the grid hangs below."""
    return f"{_headline(job, _deed(job))} ({job.lane})"


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
