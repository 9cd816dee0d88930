"""What is stored with a job, as the engine knows it."""

from __future__ import annotations

from engine.api import Answer, Request, answer_from_json, request_from_json
from storage import JobRecord


def request_of(job: JobRecord) -> Request:
    """Return a stored job's request as the engine knows it."""
    return request_from_json(job.request)


def answer_of(job: JobRecord) -> Answer | None:
    """Return a stored job's answer in words, where it has one."""
    return None if job.answer is None else answer_from_json(job.answer)
