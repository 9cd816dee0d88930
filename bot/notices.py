"""What a job's message says until its end: its place in the queue, then how far it is drawn."""

from __future__ import annotations

from functools import partial

from bot import messages
from bot.dispatch.forecast import Place
from bot.dispatch.messenger import Message, Messenger, Picture
from bot.dispatch.progress import ProgressBoard
from bot.views import cancel_view
from engine.api import Progress, Started
from storage import JobRecord


class Notices:
    """Shows where a job stands, by an edit of its message whenever one may be sent."""

    def __init__(self, *, progress: ProgressBoard, messenger: Messenger) -> None:
        self._progress = progress
        self._messenger = messenger

    def show_place(self, job: JobRecord, place: Place) -> None:
        """Show a waiting job its place."""
        content = messages.waiting(
            job, jobs_ahead=place.jobs_ahead, wait_seconds=place.wait_seconds
        )
        self._show(job, content)

    def show_progress(self, job: JobRecord, event: Started | Progress) -> None:
        """Show how far a running job is."""
        match event:
            case Started():
                self._show(job, messages.starting(job))
            case Progress(step=step, total=total, preview=preview):
                content = messages.running(job, step=step, total=total)
                picture = Picture(data=preview, filename="preview.webp") if preview else None
                self._show(job, content, picture)

    def _show(self, job: JobRecord, content: str, picture: Picture | None = None) -> None:
        message = Message(content=content, picture=picture, view=partial(cancel_view, job.id))
        self._progress.show(job.id, partial(self._messenger.progress, job, message))
