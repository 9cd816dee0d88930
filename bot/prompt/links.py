"""Pictures by link, as a token of the prompt spells them.

    link = ["<"] url [">"] ["::" [weight]]

Only the spelling is judged here; nothing is fetched.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from bot.prompt.kinds import BadValueError
from bot.prompt.tokenizer import COMMAS

MAX_LINK_CHARACTERS = 2000

_WEIGHT = re.compile("[-+\u2212\u2013]?\\.?[0-9][^/\\]]*")
_REFUSED = re.compile(r"[<>\"{}|\\^`]")
_ADDRESS = "an address of a picture such as https://example.com/cat.png"


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
    if not host or _REFUSED.search(url):
        raise BadValueError(_ADDRESS)
    if "@" in parts.netloc:
        raise BadValueError(f"{_ADDRESS}, without a name and a password in it")
    if "::" in url.replace(parts.netloc, "", 1):
        raise BadValueError(f"{_ADDRESS}, with one weight behind it")
