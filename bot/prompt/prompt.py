"""A prompt that has been read: its parts, its parameters, and the way back to text."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.prompt.flags import FLAGS
from bot.prompt.parameters import DEFAULTS, Parameters
from bot.prompt.values import ImagePrompt, number_text


@dataclass(frozen=True, slots=True)
class Part:
    """One concept of the text, and its weight among the others (`hot::2`)."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA by its name, and how much of it is added (`<lora:pixels:0.8>`)."""

    name: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What someone asked for.

    At least one part or one picture; the sum of the parts' weights is above 0, and so is that of
    the pictures'.
    """

    images: tuple[ImagePrompt, ...] = ()
    parts: tuple[Part, ...]
    loras: tuple[Lora, ...] = ()
    parameters: Parameters = DEFAULTS

    @property
    def seed(self) -> int | None:
        """The seed, by whichever flag it was given; None: one is to be drawn."""
        own, same = self.parameters.seed, self.parameters.sameseed
        return own if same is None else same

    @property
    def links(self) -> tuple[str, ...]:
        """The address of every picture that it is drawn from, each once."""
        parameters = self.parameters
        used = (*self.images, *parameters.sref, *parameters.cref)
        return tuple(dict.fromkeys(image.url for image in used))

    @property
    def lane(self) -> str:
        """The lane to queue in: turbo, fast or relax."""
        if self.parameters.turbo:
            return "turbo"
        return "relax" if self.parameters.relax else "fast"

    def canonical(self) -> str:
        """Return the text that says the same with nothing left out but defaults.

        Reading it back gives an equal prompt.
        """
        return " ".join([*self._images(), *self._texts(), *self._loras(), *self._flags()])

    def with_seed(self, seed: int) -> Prompt:
        """Return this prompt with the seed that was drawn for it."""
        parameters = self.parameters
        if parameters.sameseed is None:
            return replace(self, parameters=replace(parameters, seed=seed))
        return replace(self, parameters=replace(parameters, sameseed=seed))

    def once(self) -> Prompt:
        """Return what each of the jobs of --repeat draws."""
        return replace(self, parameters=replace(self.parameters, repeat=1))

    def for_variations(self) -> Prompt:
        """Return what variations of a picture inherit: all but what shapes the first grid only."""
        reset = {flag.field: flag.default for flag in FLAGS if not flag.affects_variations}
        return replace(self, parameters=replace(self.parameters, **reset))

    def _images(self) -> list[str]:
        return [str(image) for image in self.images]

    def _texts(self) -> list[str]:
        if not self.parts:
            return []
        *heads, tail = self.parts
        last = tail.text if tail.weight == 1 else _weighted(tail)
        return [*(_weighted(part) for part in heads), last]

    def _loras(self) -> list[str]:
        return [f"<lora:{lora.name}{_suffix(lora.weight)}>" for lora in self.loras]

    def _flags(self) -> list[str]:
        values = [(flag, getattr(self.parameters, flag.field)) for flag in FLAGS]
        return [
            f"--{flag.name} {flag.kind.write(value)}".rstrip()
            for flag, value in values
            if value != flag.default
        ]


def _suffix(weight: float) -> str:
    return "" if weight == 1 else f":{number_text(weight)}"


def _weighted(part: Part) -> str:
    weight = "" if part.weight == 1 else number_text(part.weight)
    # A colon at the end of the text would melt into the separator, and make a link of a scheme.
    space = " " if part.text.endswith((":", "://")) else ""
    return f"{part.text}{space}::{weight}"
