"""From words to requests: what can be typed here, and which of the models at hand draws it.

What is on disk is looked up at the start, and then every few seconds in a thread. What is seen is
one value: whatever is asked of it without a pause in between is answered by the same. Everything
else is pure and quick.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from bot import recipe
from bot.errors import UserError
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
from bot.recipe import Conditions, Drawn, Variation
from bot.shelf import Shelf
from engine.api import MAX_SEED, Describe, ImageToImage, Shorten, TextToImage
from engine.models.card import ImageUse, ModelCard
from engine.models.catalog import Catalog

logger = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""So long may it take until what was pulled is offered. A look takes tens of milliseconds."""


class Drafts:
    """Writes the requests that prompts stand for."""

    def __init__(self, *, catalog: Catalog, default_model: str, models_dir: Path) -> None:
        self._catalog = catalog
        self._look = partial(Shelf.of, catalog, models_dir, default_model=default_model)
        self._shelf = self._look()

    async def watch(self, seconds: float = LOOK_SECONDS) -> None:
        """See what comes to this machine, or leaves it, for as long as the bot runs."""
        failure = None
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.look_again()
                failure = None
            except OSError as error:
                # A folder on another machine may be away for hours: one line says so.
                if failure != str(error):
                    logger.warning("the models' folder cannot be read: %s", error)
                failure = str(error)

    async def look_again(self) -> None:
        """Look at what is on disk now. Raises OSError, and goes by the last look then."""
        shelf = await asyncio.to_thread(self._look)
        if shelf != self._shelf:
            logger.info(
                "on this machine are now the models %s and the LoRAs %s; %s describes",
                sorted(shelf.models),
                sorted(shelf.loras),
                shelf.describer.name,
            )
            self._shelf = shelf

    def read(self, text: str) -> Prompt:
        """Parse one prompt, such as a job's. Raises PromptError."""
        return parse(text, self._shelf.vocabulary)

    def read_all(self, text: str, *, limit: int = MAX_JOBS) -> tuple[Prompt, ...]:
        """Parse what a user typed: a prompt for each job. Raises PromptError and UserError.

        What cannot be drawn here is refused before any of its pictures is fetched.
        """
        prompts = parse_all(text, self._shelf.vocabulary, limit=limit)
        for prompt in prompts:
            unseen = {link: hashlib.sha256(link.encode()).hexdigest() for link in prompt.links}
            self.grid(prompt, seed=0, sources=unseen)
        return prompts

    def flags(self) -> dict[str, Flag]:
        """Return every parameter by each of its names, as it can be typed here."""
        return flag_table(self._shelf.vocabulary)

    def complete(self, text: str) -> list[Completion]:
        """Return what may come next in a half-typed prompt."""
        return complete(text, self._shelf.vocabulary)

    def grid(
        self,
        prompt: Prompt,
        *,
        seed: int,
        sources: Mapping[str, str],
        variation: Variation | None = None,
    ) -> TextToImage | ImageToImage:
        """Return the request for a first grid. Raises UserError.

        `sources` has the sha256 of each of the prompt's pictures by its link; `variation` says how
        far the grid may go from the one that there is then.
        """
        try:
            pictures = recipe.conditions(prompt, sources, variation=variation)
            card = self._drawer(self._shelf.card(prompt), pictures)
            make = (
                recipe.keeping_composition
                if variation is Variation.SUBTLE
                else recipe.text_to_image
            )
            return make(prompt, card=card, seed=seed, pictures=pictures)
        except recipe.CannotDrawError as error:
            raise UserError(str(error)) from error

    def variations(
        self,
        prompt: Prompt,
        *,
        seed: int,
        sources: Mapping[str, str],
        picture: Drawn,
        variation: Variation,
    ) -> ImageToImage:
        """Return the request for variations of a picture that was drawn here. Raises UserError.

        Their picture takes the place of those that its own prompt began with.
        """
        card = self._shelf.card(prompt)
        drawer = self._shelf.drawers[card.name, ImageUse.PROMPT]
        if not prompt.parts and drawer is not None:
            card = drawer  # without words, the picture is all there is to go by
        inherited = recipe.conditions(prompt, sources)
        pictures = Conditions(
            image_prompt=recipe.itself(picture, variation) if drawer is card else None,
            style_reference=inherited.style_reference,
            character_reference=inherited.character_reference,
        )
        return recipe.image_to_image(
            prompt, card=card, seed=seed, picture=picture, variation=variation, pictures=pictures
        )

    def describe(self, image_sha256: str, *, seed: int) -> Describe:
        """Return the request for words for a picture."""
        return Describe(model=self._shelf.describer.name, image=image_sha256, seed=seed)

    def shorten(self, prompt: Prompt) -> Shorten:
        """Return the request for the words that matter in a prompt. Raises UserError."""
        return Shorten(model=self._shelf.card(prompt).name, prompt=words_alone(prompt))

    def _drawer(self, card: ModelCard, pictures: Conditions) -> ModelCard:
        """Return the model that draws from such pictures for those who chose `card`."""
        drawers = []
        for use in pictures.uses():
            drawer = self._shelf.drawers[card.name, use]
            if drawer is None:
                raise UserError(self._catalog.no_images(card, use))
            drawers.append(drawer)
        if any(drawer is not drawers[0] for drawer in drawers):
            raise UserError(
                f"{card.title} draws from pictures and takes their style with two models on this"
                " machine, and a drawing has one. Leave out the pictures, or --sref and --cref."
            )
        return drawers[0] if drawers else card


def words_alone(prompt: Prompt) -> str:
    """Return the text of a prompt that is nothing else. Raises UserError."""
    if prompt.images or len(prompt.parts) > 1:
        raise UserError(
            "Shortening works on words alone. Leave out the pictures, and write one text without"
            " :: in it."
        )
    return prompt.parts[0].text


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
