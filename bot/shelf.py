"""What is on this machine to draw with: the catalog, what of it is on disk, and what is meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot import recipe
from bot.errors import UserError
from bot.prompt import Prompt, Vocabulary
from bot.prompt.values import number_text
from engine.api import MAX_LCM_STEPS
from engine.models.card import DISTILLED_SAMPLERS, ImageUse, ModelCard
from engine.models.catalog import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The models and LoRAs that a prompt may name here, and what they can do together."""

    catalog: Catalog
    models: frozenset[str]
    loras: frozenset[str]
    drawers: Mapping[tuple[str, ImageUse], ModelCard | None]
    """Who draws from pictures for those who chose a model; None: nobody."""
    describer: ModelCard
    """Who finds words for a picture."""
    default_model: str
    """For prompts that name none."""

    @classmethod
    def of(cls, catalog: Catalog, models_dir: Path, *, default_model: str) -> Shelf:
        """Look at what is on disk. Raises OSError."""
        models = catalog.available(models_dir)
        return cls(
            catalog=catalog,
            models=models,
            loras=catalog.loras(models_dir),
            drawers={
                (name, use): catalog.draws_from_images(catalog[name], use, models_dir)
                for name in sorted(models)
                for use in ImageUse
            },
            describer=catalog.describer(models_dir),
            default_model=default_model,
        )

    @property
    def vocabulary(self) -> Vocabulary:
        """The names that can be typed."""
        cards = [self.catalog[name] for name in sorted(self.models)]
        return Vocabulary(
            models=tuple(card.name for card in cards),
            versions=tuple(sorted(card.version for card in cards if card.version is not None)),
            niji=tuple(sorted(card.niji for card in cards if card.niji is not None)),
            loras=tuple(sorted(self.loras)),
        )

    def card(self, prompt: Prompt) -> ModelCard:
        """Return the model that a prompt is for, which can draw it. Raises UserError."""
        card = self._meant(prompt)
        if prompt.parameters.draft:
            self._check_draft(card)
        self._check_sampler(prompt, card)
        return card

    def _meant(self, prompt: Prompt) -> ModelCard:
        parameters = prompt.parameters
        for field in ("version", "niji"):
            number = getattr(parameters, field)
            for name in sorted(self.models) if number is not None else ():
                if getattr(self.catalog[name], field) == number:
                    return self.catalog[name]
            if number is not None:
                raise UserError(
                    f"--{field} {number_text(number)} is no longer on this machine. Leave it out"
                    f" to use {self.default_model}."
                )
        name = parameters.model or self.default_model
        if self.default_model not in self.models and name == self.default_model:
            raise UserError(
                f"The model {name!r} is no longer on this machine. Name another:"
                f" {', '.join(f'--model {one}' for one in sorted(self.models))}."
            )
        if name not in self.models:
            raise UserError(
                f"The model {name!r} is not on this machine. Leave out --model to use"
                f" {self.default_model}, or ask the owner to run `easel models pull {name}`."
            )
        return self.catalog[name]

    def _check_draft(self, card: ModelCard) -> None:
        if card.draft is None:
            raise UserError(f"{card.title} has no --draft. Try --quality 0.25.")
        if card.draft.lora and card.draft.lora not in self.loras:
            title = self.catalog[card.draft.lora].title
            raise UserError(
                f"--draft on {card.title} needs {title}, which is not on this machine. Try"
                f" --quality 0.25, or ask the owner to run `easel models pull {card.draft.lora}`."
            )

    def _check_sampler(self, prompt: Prompt, card: ModelCard) -> None:
        typed = prompt.parameters.sampler
        sampler = recipe.SAMPLERS[typed]
        if sampler not in DISTILLED_SAMPLERS:
            return
        fitting = [
            name
            for name in sorted(self.loras)
            if name in self.catalog and sampler in self.catalog[name].samplers
        ]
        added = [lora.name for lora in prompt.loras if lora.weight]
        if sampler not in card.samplers and not set(fitting).intersection(added):
            hint = f"Add <lora:{fitting[0]}>, or leave it out." if fitting else "Leave it out."
            raise UserError(
                f"--sampler {typed} is for models that were distilled to it, and {card.title} was"
                f" not. {hint}"
            )
        steps = prompt.parameters.steps
        if steps is not None and steps > MAX_LCM_STEPS:
            raise UserError(
                f"--sampler {typed} takes at most {MAX_LCM_STEPS} steps, and --steps says {steps}."
                " Try --steps 8."
            )
