"""From a user's wish to a queued job: the only way in.

Commands and buttons come here with text or with a job id; what leaves is one row in the jobs table.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from bot import messages, recipe
from bot.dispatch.checkpoints import Checkpoint, Passing, pass_by
from bot.errors import GoneError, UserError
from bot.prompt import (
    MAX_JOBS,
    Completion,
    Flag,
    Prompt,
    complete,
    flag_table,
    parse,
    parse_all,
)
from bot.prompt.tokenizer import visible
from bot.shelf import Shelf
from engine.api import (
    MAX_SEED,
    REQUEST_VERSION,
    DrawingRequest,
    ImageToImage,
    Request,
    TextToImage,
    batch_key,
    request_from_json,
    request_to_json,
)
from engine.models.card import ModelCard
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

USUAL_IMAGES = 4
VARIATION_STRENGTH = 0.6
"""How much of the schedule V1-V4 draw anew: the layout stays, details change."""
WORDS_COST = 0.05
"""What it costs to read a picture or a prompt, beside a grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, and where: what a job's button is checked against."""

    user_id: int
    guild_id: int | None
    """None in a direct message."""
    channel_id: int

    def may_see(self, job: JobRecord) -> bool:
        """Whether the job is this person's, or was drawn for all to see in this place."""
        if job.user_id == self.user_id:
            return True
        if self.guild_id is None:
            return job.guild_id is None and job.channel_id == self.channel_id
        return job.guild_id == self.guild_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a wish came from, in plain values: an interaction dies, these do not."""

    interaction_id: int
    interaction_token: str = field(repr=False)
    interaction_expires_at: datetime
    asker: Asker
    user_name: str
    guild_name: str
    message_id: int
    """The message that will show the job."""
    file_limit_bytes: int
    """What Discord takes for one file in answer."""


class Submitter:
    """Turns wishes into queued jobs."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        pictures: Pictures,
        wishes: Wishes,
        shelf: Shelf,
        limits: QueueLimits,
        on_submit: Callable[[], None],
        passing: Passing = pass_by,
    ) -> None:
        self._jobs = jobs
        self._pictures = pictures
        self._wishes = wishes
        self._shelf = shelf
        self._limits = limits
        self._on_submit = on_submit
        self._passing = passing

    def read(self, text: str) -> Prompt:
        """Parse one prompt, such as a job's. Pure and quick. Raises PromptError."""
        return parse(text, self._shelf.vocabulary)

    def read_all(self, text: str, *, limit: int = MAX_JOBS) -> tuple[Prompt, ...]:
        """Parse what a user typed: a prompt for each job. Pure and quick. Raises PromptError."""
        prompts = parse_all(text, self._shelf.vocabulary, limit=limit)
        for prompt in prompts:
            self._request(prompt, seed=0)
        return prompts

    def flags(self) -> dict[str, Flag]:
        """Return every parameter by each of its names, as it can be typed here."""
        return flag_table(self._shelf.vocabulary)

    def complete(self, text: str) -> list[Completion]:
        """Return what may come next in a half-typed prompt. Pure and quick."""
        return complete(text, self._shelf.vocabulary)

    async def imagine(self, prompt: Prompt, origin: Origin) -> JobRecord:
        """Queue a grid drawn from words."""
        prompt = with_seed(prompt)
        request = self._request(prompt, seed=seed_of(prompt))
        return await self._submit("imagine", prompt, request, origin, parent=None)

    async def imagine_all(
        self,
        prompts: Sequence[Prompt],
        origin: Origin,
        *,
        message_ids: Sequence[int],
        wish_id: int | None = None,
    ) -> list[JobRecord]:
        """Queue a grid for each prompt, all of them or none; each has a message of its own.

        Empty: the wish that they fulfil was answered before.
        """
        news = []
        for index, (asked, message_id) in enumerate(zip(prompts, message_ids, strict=True)):
            prompt = with_seed(asked)
            request = self._request(prompt, seed=seed_of(prompt))
            new = self._new_job("imagine", prompt, request, replace(origin, message_id=message_id))
            news.append(replace(new, idempotency_key=f"{new.idempotency_key}:{index}"))
        submitted = await self._queue(news, wish_id=wish_id)
        self._on_submit()
        return [one.job for one in submitted]

    async def remember(self, text: str, *, user_id: int) -> WishRecord:
        """Keep a wish until the user has said yes or no to its cost."""
        # What cannot be seen is a blank to the language, and some of it is nothing to a database.
        return await self._wishes.add(user_id=user_id, prompt=visible(text))

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
        prompt = with_seed(self.read(parent.prompt), fresh=True)
        request = msgspec.structs.replace(request_of(parent), seed=seed_of(prompt))
        return await self._submit(
            parent.action, prompt, request, origin, parent=parent, index=parent.parent_image_index
        )

    async def vary(self, job_id: int, image_index: int, *, origin: Origin) -> JobRecord:
        """Queue four variations of one picture of a job."""
        parent, picture = await self.picture(job_id, image_index, asker=origin.asker)
        prompt = with_seed(self.read(parent.prompt).for_variations(), fresh=True)
        request = recipe.image_to_image(
            prompt,
            card=self._shelf.card(prompt),
            seed=seed_of(prompt),
            image_sha256=picture.sha256,
            strength=VARIATION_STRENGTH,
        )
        return await self._submit(
            "variation", prompt, request, origin, parent=parent, index=image_index
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

    def _request(self, prompt: Prompt, *, seed: int) -> TextToImage:
        try:
            return recipe.text_to_image(prompt, card=self._shelf.card(prompt), seed=seed)
        except recipe.CannotDrawError as error:
            raise UserError(str(error)) from error

    async def _submit(
        self,
        action: str,
        prompt: Prompt,
        request: Request,
        origin: Origin,
        *,
        parent: JobRecord | None,
        index: int | None = None,
    ) -> JobRecord:
        new = self._new_job(action, prompt, request, origin, parent=parent, index=index)
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
        prompt: Prompt,
        request: Request,
        origin: Origin,
        *,
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
            lane=prompt.lane,
            compat_key=compat_key(request),
            batch_key=batch_key(request),
            pixels=pixels_of(request),
            cost=cost_of(request, self._shelf.catalog[request.model]),
            prompt=prompt.canonical(),
            request=request_to_json(request),
            request_version=REQUEST_VERSION,
        )


def request_of(job: JobRecord) -> Request:
    """Return a stored job's request as the engine knows it."""
    return request_from_json(job.request)


def compat_key(request: Request) -> str:
    """Return what requests have in common that take equally long, for equal costs."""
    if isinstance(request, DrawingRequest):
        return f"{request.model}:{request.width}x{request.height}"
    return f"{request.model}:words"


def pixels_of(request: Request) -> int:
    """Return what a request takes of a batch."""
    if not isinstance(request, DrawingRequest):
        return 0
    return request.num_images * request.width * request.height


def cost_of(request: Request, card: ModelCard) -> float:
    """Return how much work a request is; 1 is the model's usual grid of four."""
    if not isinstance(request, DrawingRequest):
        return WORDS_COST
    steps: float = request.num_inference_steps * request.stop_at
    if isinstance(request, ImageToImage):
        steps *= request.strength
    width, height = card.default_size
    pixels = (request.width * request.height) / (width * height)
    return request.num_images / USUAL_IMAGES * steps / card.num_inference_steps * pixels


def with_seed(prompt: Prompt, *, fresh: bool = False) -> Prompt:
    """Return the prompt with a seed: the one that was asked for, or (also if `fresh`) a new one."""
    if prompt.seed is not None and not fresh:
        return prompt
    return prompt.with_seed(random.randint(0, MAX_SEED))


def seed_of(prompt: Prompt) -> int:
    """Return the seed of a prompt that went through `with_seed`."""
    if prompt.seed is None:
        raise ValueError("the prompt has no seed yet")
    return prompt.seed
