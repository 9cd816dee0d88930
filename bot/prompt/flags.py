"""The table of all parameters. One row drives parsing, help, completion and canonical text.

To add a parameter: a row here, a field in `bot.prompt.parameters`, its meaning in `bot.recipe`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from bot.prompt.kinds import (
    AspectRatio,
    Choice,
    Number,
    NumberChoice,
    Switch,
    ValueKind,
    WholeNumber,
    WordList,
)
from bot.prompt.parameters import DEFAULTS
from bot.prompt.tokenizer import DASHES

_LONGEST_MISTAKE = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One parameter."""

    name: str
    """What canonical text calls it, and the field of `Parameters`."""
    aliases: tuple[str, ...] = ()
    kind: ValueKind
    help: str
    """One sentence."""
    example: str
    """A value to type, or empty for a switch."""
    affects_variations: bool
    """False: it shapes the first grid only, and variations of a picture leave it out."""
    excludes: tuple[str, ...] = ()
    """Names of flags that say the same thing in another way."""
    mistaken_for: tuple[str, ...] = ()
    """What people type for it who come from another bot."""

    @property
    def default(self) -> Any:
        """The value when the flag is not given."""
        return getattr(DEFAULTS, self.name)

    def usage(self) -> str:
        """Return the flag with an example of its value: `--ar 16:9`."""
        return f"--{self.name} {self.example}".rstrip()

    def explain(self) -> str:
        """Return one line of help: names, range, default, sentence."""
        names = ", ".join(f"--{name}" for name in (self.name, *self.aliases))
        plain = self.default is None or isinstance(self.kind, Switch | WordList)
        default = "" if plain else f", normally {self.kind.write(self.default)}"
        return f"{names} ({self.kind.describe()}{default}): {self.help}"


FLAGS: tuple[Flag, ...] = (
    Flag(
        name="ar",
        aliases=("aspect",),
        kind=AspectRatio(offered=("1:1", "3:2", "2:3", "16:9", "9:16", "4:3", "3:4", "21:9")),
        help="The shape of the picture, width to height.",
        example="16:9",
        affects_variations=True,
        mistaken_for=("ratio", "size", "w", "h", "width", "height"),
    ),
    Flag(
        name="no",
        kind=WordList(),
        help="What shall not be in the picture.",
        example="text, people",
        affects_variations=True,
        mistaken_for=("negative", "neg", "without", "negative_prompt"),
    ),
    Flag(
        name="chaos",
        aliases=("c",),
        kind=WholeNumber(0, 100),
        help="How different from each other the four pictures are.",
        example="30",
        affects_variations=False,
        mistaken_for=("variety",),
    ),
    Flag(
        name="quality",
        aliases=("q",),
        kind=NumberChoice((0.25, 0.5, 1, 2)),
        help="How much time is spent on the picture; its size stays.",
        example="2",
        affects_variations=False,
        excludes=("steps",),
        mistaken_for=("hd", "draft"),
    ),
    Flag(
        name="stylize",
        aliases=("s",),
        kind=WholeNumber(0, 1000),
        help="How freely the picture is beautified: 0 is by the letter of the text.",
        example="250",
        affects_variations=False,
        mistaken_for=("style", "stylise"),
    ),
    Flag(
        name="raw",
        kind=Switch(),
        help="Beautify a quarter as much as --stylize says.",
        example="",
        affects_variations=True,
    ),
    Flag(
        name="model",
        kind=Choice(()),
        help="Which model draws.",
        example="",
        affects_variations=True,
        mistaken_for=("v", "version", "niji", "checkpoint", "m"),
    ),
    Flag(
        name="steps",
        kind=WholeNumber(1, 150),
        help="The exact number of denoising steps, instead of --quality.",
        example="30",
        affects_variations=True,
        excludes=("quality",),
        mistaken_for=("step", "num_inference_steps"),
    ),
    Flag(
        name="cfg",
        kind=Number(1, 20),
        help="How closely the text is followed; 1 switches guidance and --no off.",
        example="7",
        affects_variations=True,
        mistaken_for=("cfg_scale", "guidance", "guidance_scale", "scale"),
    ),
    Flag(
        name="seed",
        kind=WholeNumber(0, 2**32 - 1),
        help="The number the noise is drawn from: the same seed gives the same pictures.",
        example="42",
        affects_variations=False,
        mistaken_for=("sameseed",),
    ),
)


def flag_table(models: Sequence[str]) -> dict[str, Flag]:
    """Return every flag by each of its names; `models` are the names that --model takes."""
    rows = [_with_models(flag, models) if flag.name == "model" else flag for flag in FLAGS]
    return {name: flag for flag in rows for name in (flag.name, *flag.aliases)}


def _with_models(flag: Flag, models: Sequence[str]) -> Flag:
    return replace(flag, kind=Choice(tuple(models)), example=models[0] if models else "")


def likely_name(typed: str, table: dict[str, Flag]) -> str:
    """Return the name that was probably meant by an unknown one, or empty."""
    plain = typed.strip(DASHES).lower().replace("-", "_")
    if not plain or len(plain) > _LONGEST_MISTAKE:
        return ""
    meant = {mistake: flag.name for flag in FLAGS for mistake in flag.mistaken_for}
    if plain in table:
        return plain
    if plain in meant:
        return meant[plain]
    close = get_close_matches(plain, [*table, *meant], n=1, cutoff=0.6)
    if not close:
        return ""
    return close[0] if close[0] in table else meant[close[0]]
