"""What there is to know of one parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from bot.prompt.parameters import DEFAULTS
from bot.prompt.values import FreeText, Links, NumberChoice, Switch, ValueKind, WordList


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One parameter."""

    name: str
    """What canonical text calls it."""
    aliases: tuple[str, ...] = ()
    kind: ValueKind
    help: str
    """One sentence."""
    example: str = ""
    """A value to type, or empty for a switch."""
    affects_variations: bool = True
    """False: it shapes the first grid only, and variations of a picture leave it out."""
    excludes: tuple[str, ...] = ()
    """Names of flags that say the same thing in another way."""
    weighs: Literal["", "images", "sref", "cref"] = ""
    """The pictures that it is nothing without."""

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
