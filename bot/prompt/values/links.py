"""Pictures by link, as a token of the prompt spells them.

    link = ["<"] url [">"] ["::" [weight]]

Only the spelling is judged here; nothing is fetched. `file` links are for the command line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.prompt.errors import BadValueError
from bot.prompt.tokenizer import COMMAS
from bot.prompt.values.numbers import MAX_WEIGHT, number_text, read_weight

MAX_LINK_CHARACTERS = 2000
MAX_REFERENCES = 5

_WEIGHT = re.compile("[-+\u2212\u2013]?\\.?[0-9][^/\\]]*")
_REFUSED = re.compile(r"[<>\"{}|\\^`]")
_ADDRESS = "an address of a picture such as https://example.com/cat.png"


@dataclass(frozen=True, slots=True)
class ImagePrompt:
    """A picture by link, and its weight among the others (`https://example.com/cat.png::2`)."""

    url: str
    weight: float = 1.0

    def __str__(self) -> str:
        return self.url if self.weight == 1 else f"{self.url}::{number_text(self.weight)}"


@dataclass(frozen=True, slots=True)
class Links:
    """Pictures by link."""

    def read(self, text: str) -> tuple[ImagePrompt, ...]:
        """Read link ((" " | ",") link)*."""
        pieces = [one.strip(COMMAS) for one in text.split()]
        links = tuple(_read_weighted(one) for one in pieces if one)
        if not links:
            raise BadValueError(self.describe())
        if len(links) > MAX_REFERENCES:
            raise BadValueError(f"at most {MAX_REFERENCES} links, there are {len(links)}")
        return links

    def write(self, value: tuple[ImagePrompt, ...]) -> str:
        """Return the value as it is typed."""
        return " ".join(map(str, value))

    def describe(self) -> str:
        """Return the form in words."""
        return "links to pictures, with spaces between them"

    def candidates(self) -> tuple[str, ...]:
        """Return values to offer."""
        return ()


def _read_weighted(text: str) -> ImagePrompt:
    url, weight = read_link(text)
    if not weight:
        return ImagePrompt(url)
    number = read_weight(weight, expected="a weight such as 2 behind the link")
    if not 0 < number <= MAX_WEIGHT:
        raise BadValueError(f"a link with a weight above 0 and up to {MAX_WEIGHT}")
    return ImagePrompt(url, number)


def read_link(text: str) -> tuple[str, str]:
    """Return the address and the weight as typed (empty: none). Raises BadValueError."""
    url, separator, weight = text.rpartition("::")
    if not separator or (weight and not _WEIGHT.fullmatch(weight)):
        url, weight = text, ""
    url = url.rstrip(COMMAS + ":")
    if url.startswith("<"):
        url = url[1:].removesuffix(">").rstrip(COMMAS + ":")
    _check(url)
    return url, weight


def _check(url: str) -> None:
    if len(url) > MAX_LINK_CHARACTERS:
        raise BadValueError(f"{_ADDRESS}, in at most {MAX_LINK_CHARACTERS} characters")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadValueError(_ADDRESS) from error
    is_web = parts.scheme in {"http", "https"} and host
    is_file = parts.scheme == "file" and parts.path.startswith("/")
    if not (is_web or is_file) or _REFUSED.search(url):
        raise BadValueError(_ADDRESS)
    if "@" in parts.netloc:
        raise BadValueError(f"{_ADDRESS}, without a name and a password in it")
    if "::" in url.replace(parts.netloc, "", 1):
        raise BadValueError(f"{_ADDRESS}, with one weight behind it")
