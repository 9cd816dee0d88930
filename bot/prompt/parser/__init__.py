"""Read a prompt: text first, parameters last.

The grammar, over the tokens of `bot.prompt.tokenizer`; each production is a file here::

    prompt     = images parts parameters
    images     = (link comma*)*
    parts      = [part (separator part)* [separator]]
    parameters = (flag value?)*          as many words as the flag's kind takes
"""

from __future__ import annotations

from bot.prompt.errors import PromptError
from bot.prompt.flags import flag_table
from bot.prompt.parser.cursor import Cursor
from bot.prompt.parser.images import read_images
from bot.prompt.parser.loras import Loras
from bot.prompt.parser.parameters import read_parameters
from bot.prompt.parser.parts import read_parts
from bot.prompt.prompt import Prompt
from bot.prompt.vocabulary import NOTHING, Vocabulary

__all__ = ["MAX_CHARACTERS", "check_length", "parse"]

MAX_CHARACTERS = 6000


def parse(text: str, vocabulary: Vocabulary = NOTHING) -> Prompt:
    """Read one prompt. Raises PromptError only.

    Braces are plain text here: see `bot.prompt.permutations`.
    """
    check_length(text)
    cursor, table = Cursor(text), flag_table(vocabulary)
    loras = Loras(cursor, vocabulary.loras)
    images = read_images(cursor)
    parts = read_parts(cursor, loras=loras, table=table, has_images=bool(images))
    parameters = read_parameters(cursor, table, has_images=bool(images))
    return Prompt(images=images, parts=parts, loras=loras.found, parameters=parameters)


def check_length(text: str) -> None:
    """Refuse a text that is too long. Raises PromptError."""
    if len(text) > MAX_CHARACTERS:
        raise PromptError(
            f"The prompt has {len(text)} characters, the limit is {MAX_CHARACTERS}.",
            source=text,
            start=MAX_CHARACTERS,
            end=len(text),
            hint="Leave out what is marked.",
        )
