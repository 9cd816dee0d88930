"""The table of all parameters. One row drives parsing, help, completion and canonical text.

To add a parameter: a row here, a field in `bot.prompt.parameters`, its meaning in `bot.recipe`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal

from bot.prompt.kinds import (
    AspectRatio,
    Choice,
    FreeText,
    Number,
    NumberChoice,
    Switch,
    ValueKind,
    WholeNumber,
    WordList,
)
from bot.prompt.links import Links
from bot.prompt.parameters import DEFAULTS
from bot.prompt.tokenizer import DASHES
from bot.prompt.vocabulary import NOTHING, Vocabulary

MAX_SEED = 2**32 - 1

_LONGEST_MISTAKE = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One parameter."""

    name: str
    """What canonical text calls it."""
    aliases: tuple[str, ...] = ()
    kind: ValueKind | Links
    help: str
    """One sentence."""
    example: str
    """A value to type, or empty for a switch."""
    affects_variations: bool
    """False: it shapes the first grid only, and variations of a picture leave it out."""
    excludes: tuple[str, ...] = ()
    """Names of flags that say the same thing in another way."""
    weighs: Literal["", "images", "sref", "cref"] = ""
    """The pictures that it is nothing without."""
    mistaken_for: tuple[str, ...] = ()
    """What people type for it who come from another bot."""

    @property
    def field(self) -> str:
        """Its field of `Parameters`."""
        return self.name.replace("-", "_")

    @property
    def default(self) -> Any:
        """The value when the flag is not given."""
        return getattr(DEFAULTS, self.field)

    @property
    def means_last(self) -> bool:
        """Whether it may be typed without a value, for the last of those that it takes."""
        kind = self.kind
        return isinstance(kind, NumberChoice) and kind.is_last_meant and bool(kind.options)

    def usage(self) -> str:
        """Return the flag with an example of its value: `--ar 16:9`."""
        return f"--{self.name} {self.example}".rstrip()

    def default_text(self) -> str:
        """Return the default as it is typed, or empty where there is none."""
        if self.default is None or isinstance(self.kind, Switch | WordList | FreeText | Links):
            return ""
        return self.kind.write(self.default)


SAMPLERS = (
    "euler",
    "euler-a",
    "heun",
    "lms",
    "ddim",
    "dpm-2m",
    "dpm-2m-karras",
    "dpm-sde-karras",
    "unipc",
    "lcm",
)
"""Samplers as they are typed."""


FLAGS: tuple[Flag, ...] = (
    Flag(
        name="ar",
        aliases=("aspect",),
        kind=AspectRatio(offered=("1:1", "3:2", "2:3", "16:9", "9:16", "4:3", "3:4", "21:9")),
        help="The shape of the picture, width to height.",
        example="16:9",
        affects_variations=True,
        mistaken_for=("ratio", "size", "h", "width", "height"),
    ),
    Flag(
        name="no",
        kind=WordList(),
        help="What shall not be in the picture.",
        example="text, people",
        affects_variations=True,
        mistaken_for=("without",),
    ),
    Flag(
        name="negative",
        kind=FreeText(),
        help="A whole negative prompt: like --no, but (words:1.3) have weights in it.",
        example="(blurry:1.3), text",
        affects_variations=True,
        mistaken_for=("neg", "negative_prompt"),
    ),
    Flag(
        name="iw",
        kind=Number(0, 3),
        help="How much the pictures before the text count, against it.",
        example="0.5",
        affects_variations=False,
        weighs="images",
        mistaken_for=("image_weight",),
    ),
    Flag(
        name="sref",
        kind=Links(),
        help="Pictures by link whose style is taken, and not what they show.",
        example="https://example.com/style.png",
        affects_variations=True,
        mistaken_for=("style_reference", "style_ref"),
    ),
    Flag(
        name="sw",
        kind=WholeNumber(0, 1000),
        help="How much --sref counts.",
        example="200",
        affects_variations=True,
        weighs="sref",
        mistaken_for=("style_weight",),
    ),
    Flag(
        name="cref",
        kind=Links(),
        help="Pictures by link of somebody who is to be seen again.",
        example="https://example.com/hero.png",
        affects_variations=True,
        mistaken_for=("character_reference", "character_ref"),
    ),
    Flag(
        name="cw",
        kind=WholeNumber(0, 100),
        help="How much of --cref is kept: 100 with hair and clothes, 0 the face alone.",
        example="0",
        affects_variations=True,
        weighs="cref",
        mistaken_for=("character_weight",),
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
        excludes=("steps", "draft"),
    ),
    Flag(
        name="draft",
        kind=Switch(),
        help="A sketch, in a few steps.",
        example="",
        affects_variations=True,
        excludes=("quality", "steps", "sampler"),
        mistaken_for=("sketch", "lightning", "hyper"),
    ),
    Flag(
        name="stylize",
        aliases=("s",),
        kind=WholeNumber(0, 1000),
        help="How freely the picture is beautified: 0 is by the letter of the text.",
        example="250",
        affects_variations=False,
        mistaken_for=("stylise",),
    ),
    Flag(
        name="raw",
        kind=Switch(),
        help="Beautify a quarter as much as --stylize says, and add no words of style.",
        example="",
        affects_variations=True,
        excludes=("style",),
    ),
    Flag(
        name="style",
        kind=Choice(("raw",)),
        help="The same as --raw, as it was once typed.",
        example="raw",
        affects_variations=True,
        excludes=("raw",),
    ),
    Flag(
        name="weird",
        aliases=("w",),
        kind=WholeNumber(0, 3000),
        help="How far the picture strays from what it is of.",
        example="500",
        affects_variations=False,
        mistaken_for=("strange",),
    ),
    Flag(
        name="stop",
        kind=WholeNumber(10, 100),
        help="End the drawing at that percentage of its steps: softer, and sooner done.",
        example="60",
        affects_variations=True,
    ),
    Flag(
        name="tile",
        kind=Switch(),
        help="A seamless tile: opposite edges of the picture meet.",
        example="",
        affects_variations=True,
        mistaken_for=("seamless", "tiling"),
    ),
    Flag(
        name="model",
        kind=Choice(()),
        help="Which model draws.",
        example="",
        affects_variations=True,
        excludes=("version", "niji"),
        mistaken_for=("checkpoint", "m"),
    ),
    Flag(
        name="version",
        aliases=("v",),
        kind=NumberChoice((), what="the versions on this machine"),
        help="Which general model draws, by its number.",
        example="",
        affects_variations=True,
        excludes=("model", "niji"),
    ),
    Flag(
        name="niji",
        kind=NumberChoice((), what="the anime models on this machine", is_last_meant=True),
        help="Draw with an anime model: the newest, or that number.",
        example="",
        affects_variations=True,
        excludes=("model", "version"),
        mistaken_for=("anime",),
    ),
    Flag(
        name="steps",
        kind=WholeNumber(1, 150),
        help="The exact number of denoising steps, instead of --quality.",
        example="30",
        affects_variations=True,
        excludes=("quality", "draft"),
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
        name="clip-skip",
        kind=WholeNumber(0, 2),
        help="How many layers sooner than usual the text is taken from its encoders.",
        example="1",
        affects_variations=True,
        mistaken_for=("clip_skip", "clipskip", "skip"),
    ),
    Flag(
        name="sampler",
        kind=Choice(SAMPLERS),
        help="How the noise is taken out; heun and dpm-sde-karras take twice the time a step.",
        example="dpm-2m-karras",
        affects_variations=True,
        excludes=("draft",),
        mistaken_for=("scheduler", "sampling_method"),
    ),
    Flag(
        name="seed",
        kind=WholeNumber(0, MAX_SEED),
        help="The same number draws the same pictures again; picture n has seed + n - 1.",
        example="42",
        affects_variations=False,
        excludes=("sameseed", "repeat"),
    ),
    Flag(
        name="sameseed",
        kind=WholeNumber(0, MAX_SEED),
        help="Like --seed, but all four pictures begin with the same noise.",
        example="42",
        affects_variations=False,
        excludes=("seed", "repeat"),
        mistaken_for=("same_seed",),
    ),
    Flag(
        name="repeat",
        aliases=("r",),
        kind=WholeNumber(2, 40),
        help="Draw that many grids, each with a seed of its own.",
        example="3",
        affects_variations=False,
        excludes=("seed", "sameseed"),
        mistaken_for=("times", "batch", "n"),
    ),
    Flag(
        name="turbo",
        kind=Switch(),
        help="Queue in the turbo lane.",
        example="",
        affects_variations=True,
        excludes=("fast", "relax"),
    ),
    Flag(
        name="fast",
        kind=Switch(),
        help="Queue in the fast lane, where jobs are unless told otherwise.",
        example="",
        affects_variations=True,
        excludes=("turbo", "relax"),
    ),
    Flag(
        name="relax",
        kind=Switch(),
        help="Queue in the relaxed lane.",
        example="",
        affects_variations=True,
        excludes=("turbo", "fast"),
        mistaken_for=("relaxed", "slow"),
    ),
)

WHY_NOT_BOTH: Mapping[frozenset[str], str] = {
    frozenset({"seed", "repeat"}): "would draw the same pictures again and again",
    frozenset({"sameseed", "repeat"}): "would draw the same pictures again and again",
    **dict.fromkeys(
        (frozenset({"turbo", "fast"}), frozenset({"turbo", "relax"}), frozenset({"fast", "relax"})),
        "are two lanes, and a job waits in one",
    ),
}
"""Why two flags exclude each other, where they do not just say the same thing in two ways."""

ELSEWHERE: Mapping[str, str] = {
    "hd": "Easel has no --hd. Try --quality 2 for more detail.",
    "video": "Easel draws no videos.",
    "exp": "Easel has no --exp. Try --stylize.",
    "oref": "Easel has no --oref. Begin with the picture's link instead.",
    "ow": "Easel has no --ow. Begin with the picture's link, and weigh it with --iw.",
    "p": "Easel has no personal styles. Describe the style in words.",
    "profile": "Easel has no personal styles. Describe the style in words.",
    "stealth": "Easel shows pictures in their channel and nowhere else.",
    "public": "Easel shows pictures in their channel and nowhere else.",
    "zoom": "A picture has to be drawn before it can be zoomed.",
}
"""What people know from elsewhere and Easel does not have: what to do instead. `-` is `_` here."""


def flag_table(vocabulary: Vocabulary = NOTHING) -> dict[str, Flag]:
    """Return every flag by each of its names, with the values that it takes on this machine."""
    rows = [_here(flag, vocabulary) for flag in FLAGS]
    return {name: flag for flag in rows for name in (flag.name, *flag.aliases)}


def _here(flag: Flag, vocabulary: Vocabulary) -> Flag:
    options: Mapping[str, tuple[Any, ...]] = {
        "model": vocabulary.models,
        "version": vocabulary.versions,
        "niji": vocabulary.niji,
    }
    if flag.name not in options:
        return flag
    kind: Any = flag.kind
    kind = replace(kind, options=options[flag.name])
    return replace(flag, kind=kind, example=next(iter(kind.candidates()), ""))


def likely_name(typed: str, table: dict[str, Flag]) -> str:
    """Return the name that was probably meant by an unknown one, or empty."""
    plain = plain_name(typed)
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


def plain_name(typed: str) -> str:
    """Return an unknown name in the spelling that the tables of mistakes use."""
    return typed.strip(DASHES).lower().replace("-", "_")
