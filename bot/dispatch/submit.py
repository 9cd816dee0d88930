"""From a user's wish to a queued job: the only way in.

Commands and buttons come here with prompts or with a job id; what leaves is one row in the jobs
table. The pictures that a wish is drawn from are stored before it comes here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import msgspec

from bot import messages
from bot.dispatch.action import VARIATIONS, Action
from bot.dispatch.checkpoints import Checkpoint, Passing, pass_by
from bot.dispatch.cost import compat_key, cost_of, pixels_of
from bot.dispatch.drafts import Drafts, seed_of, with_seed
from bot.dispatch.origin import Asker, Origin
from bot.dispatch.stored import answer_of, request_of
from bot.errors import GoneError, UserError
from bot.prompt import Prompt
from bot.prompt.tokenizer import visible
from bot.recipe import Drawn, Variation
from engine.api import (
    MAX_SEED,
    REQUEST_VERSION,
    Answer,
    DrawingRequest,
    Request,
    Shorten,
    batch_key,
    request_to_json,
)
from engine.models.catalog import Catalog
from storage import (
    JobRecord,
    Jobs,
    NewJob,
    PictureRecord,
    Pictures,
    QueueLimitError,
    QueueLimits,
    Submitted,
    Wishes,
    WishRecord,
)

Sources = Mapping[str, str]
"""The sha256 of every picture that a prompt links to, by its link."""
NO_SOURCES: Sources = MappingProxyType({})


class Submitter:
    """Turns wishes into queued jobs."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        pictures: Pictures,
        wishes: Wishes,
        drafts: Drafts,
        catalog: Catalog,
        limits: QueueLimits,
        on_submit: Callable[[], None],
        passing: Passing = pass_by,
    ) -> None:
        self._jobs = jobs
        self._pictures = pictures
        self._wishes = wishes
        self._drafts = drafts
        self._catalog = catalog
        self._limits = limits
        self._on_submit = on_submit
        self._passing = passing

    async def imagine(
        self,
        prompt: Prompt,
        origin: Origin,
        *,
        sources: Sources = NO_SOURCES,
        action: Action = Action.IMAGINE,
        variation: Variation | None = None,
    ) -> JobRecord:
        """Queue a grid drawn from words and pictures.

        `variation` says how far it may go from the pictures.
        """
        return await self._submit(
            self._grid(prompt, origin, sources=sources, action=action, variation=variation)
        )

    async def imagine_all(
        self,
        prompts: Sequence[Prompt],
        origin: Origin,
        *,
        message_ids: Sequence[int],
        sources: Sources = NO_SOURCES,
        wish_id: int | None = None,
    ) -> list[JobRecord]:
        """Queue a grid for each prompt, all of them or none; each has a message of its own.

        Empty: the wish that they fulfil was answered before.
        """
        news = []
        for index, (prompt, message_id) in enumerate(zip(prompts, message_ids, strict=True)):
            new = self._grid(prompt, replace(origin, message_id=message_id), sources=sources)
            news.append(replace(new, idempotency_key=f"{new.idempotency_key}:{index}"))
        submitted = await self._queue(news, wish_id=wish_id)
        self._on_submit()
        return [one.job for one in submitted]

    async def remember(
        self, text: str, *, user_id: int, sources: Sources = NO_SOURCES
    ) -> WishRecord:
        """Keep a wish until the user has said yes or no to its cost."""
        # What cannot be seen is a blank to the language, and some of it is nothing to a database.
        return await self._wishes.add(user_id=user_id, prompt=visible(text), sources=sources)

    async def wish(self, wish_id: int, *, user_id: int) -> WishRecord:
        """Return a user's wish. Raises GoneError once it is answered, and for anybody else."""
        wish = await self._wishes.get(wish_id)
        if wish is None or wish.user_id != user_id:
            raise GoneError("This is answered already. Ask again with /imagine.")
        return wish

    async def forget(self, wish_id: int) -> bool:
        """Drop a wish. False: it is answered already."""
        return await self._wishes.drop(wish_id)

    async def reroll(self, job_id: int, *, origin: Origin) -> JobRecord:
        """Queue the same wish with a new seed; a variation starts at the same picture again."""
        parent = await self.job(job_id, asker=origin.asker)
        request = request_of(parent)
        if isinstance(request, Shorten):
            raise UserError("The same words matter each time. Shorten another prompt.")
        request = msgspec.structs.replace(request, seed=random.randint(0, MAX_SEED))
        text, lane = parent.prompt, parent.lane
        if isinstance(request, DrawingRequest):
            prompt = self._drafts.read(text).with_seed(request.seed)
            text, lane = prompt.canonical(), prompt.lane
        return await self._submit(
            self._new_job(
                parent.action,
                text,
                request,
                origin,
                lane=lane,
                sources=parent.sources,
                parent=parent,
                index=parent.parent_image_index,
            )
        )

    async def vary(
        self, job_id: int, image_index: int, variation: Variation, *, origin: Origin
    ) -> JobRecord:
        """Queue four variations of one picture of a job."""
        parent, picture = await self.picture(job_id, image_index, asker=origin.asker)
        prompt = with_seed(self._drafts.read(parent.prompt).for_variations(), fresh=True)
        request = self._drafts.variations(
            prompt,
            seed=seed_of(prompt),
            sources=parent.sources or NO_SOURCES,
            picture=Drawn(sha256=picture.sha256, seed=picture.seed),
            variation=variation,
        )
        return await self._submit(
            self._new_job(
                VARIATIONS[variation],
                prompt.canonical(),
                request,
                origin,
                lane=prompt.lane,
                sources=parent.sources,
                parent=parent,
                index=image_index,
            )
        )

    async def describe(self, link: str, origin: Origin, *, sources: Sources) -> JobRecord:
        """Queue the search for words for a picture."""
        request = self._drafts.describe(sources[link], seed=random.randint(0, MAX_SEED))
        return await self._submit(
            self._new_job(Action.DESCRIBE, link, request, origin, sources=sources)
        )

    async def shorten(self, prompt: Prompt, origin: Origin) -> JobRecord:
        """Queue the search for the words that matter in a prompt."""
        request = self._drafts.shorten(prompt)
        return await self._submit(
            self._new_job(Action.SHORTEN, prompt.canonical(), request, origin, lane=prompt.lane)
        )

    async def job(self, job_id: int, *, asker: Asker) -> JobRecord:
        """Return a job that the asker may see. Raises GoneError for any other."""
        job = await self._jobs.get(job_id)
        if job is None or not asker.may_see(job):
            raise GoneError("That job is no longer here. Start a new one with /imagine.")
        return job

    async def picture(
        self, job_id: int, image_index: int, *, asker: Asker
    ) -> tuple[JobRecord, PictureRecord]:
        """Return one picture of a job that the asker may see. Raises GoneError."""
        job = await self.job(job_id, asker=asker)
        picture = await self._pictures.get(job_id, image_index)
        if picture is None:
            raise GoneError("That picture is no longer here. Draw the grid again with 🔄.")
        return job, picture

    async def answer(self, job_id: int, *, asker: Asker) -> tuple[JobRecord, Answer]:
        """Return the words that a job found, which the asker may see. Raises GoneError."""
        job = await self.job(job_id, asker=asker)
        answer = answer_of(job)
        if answer is None:
            raise GoneError("Those words are no longer here. Ask for them again.")
        return job, answer

    def _grid(
        self,
        asked: Prompt,
        origin: Origin,
        *,
        sources: Sources,
        action: Action = Action.IMAGINE,
        variation: Variation | None = None,
    ) -> NewJob:
        prompt = with_seed(asked)
        request = self._drafts.grid(
            prompt, seed=seed_of(prompt), sources=sources, variation=variation
        )
        own = {link: sources[link] for link in prompt.links}
        return self._new_job(
            action, prompt.canonical(), request, origin, lane=prompt.lane, sources=own
        )

    async def _submit(self, new: NewJob) -> JobRecord:
        (submitted,) = await self._queue([new])
        self._on_submit()
        return submitted.job

    async def _queue(
        self, news: Sequence[NewJob], *, wish_id: int | None = None
    ) -> list[Submitted]:
        self._passing(Checkpoint.ACKNOWLEDGED)
        try:
            return await self._jobs.submit_all(news, self._limits, wish_id=wish_id)
        except QueueLimitError as error:
            raise UserError(messages.too_many(error)) from error

    def _new_job(
        self,
        action: str,
        text: str,
        request: Request,
        origin: Origin,
        *,
        lane: str = "fast",
        sources: Sources | None = None,
        parent: JobRecord | None = None,
        index: int | None = None,
    ) -> NewJob:
        return NewJob(
            idempotency_key=f"interaction:{origin.interaction_id}",
            interaction_id=origin.interaction_id,
            user_id=origin.asker.user_id,
            user_name=origin.user_name,
            guild_id=origin.asker.guild_id,
            guild_name=origin.guild_name,
            channel_id=origin.asker.channel_id,
            message_id=origin.message_id,
            interaction_token=origin.interaction_token,
            interaction_expires_at=origin.interaction_expires_at,
            file_limit_bytes=origin.file_limit_bytes,
            action=action,
            parent_job_id=parent.id if parent else None,
            parent_image_index=index,
            lane=lane,
            compat_key=compat_key(request),
            batch_key=batch_key(request),
            pixels=pixels_of(request),
            cost=cost_of(request, self._catalog[request.model]),
            prompt=text,
            request=request_to_json(request),
            request_version=REQUEST_VERSION,
            sources=sources or None,
        )
