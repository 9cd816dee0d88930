"""Pictures by link, before the text."""

from __future__ import annotations

from bot.prompt.errors import BadValueError, quoted
from bot.prompt.parser.cursor import Cursor
from bot.prompt.tokenizer import Kind, Token
from bot.prompt.values import MAX_WEIGHT, ImagePrompt, read_link

MAX_IMAGES = 5


def read_images(cursor: Cursor) -> tuple[ImagePrompt, ...]:
    """Read (link comma*)*."""
    images: list[ImagePrompt] = []
    while token := cursor.take_if(Kind.LINK):
        if len(images) == MAX_IMAGES:
            reason = f"The limit is {MAX_IMAGES} pictures by link."
            cursor.refuse(reason, "Leave out this link and those behind it.", token)
        images.append(_image(cursor, token))
        while cursor.take_if(Kind.COMMA):
            pass
    if images and sum(image.weight for image in images) <= 0:
        reason = "The pictures' weights sum up to 0."
        cursor.refuse(reason, "Raise a weight above 0.", *cursor.tokens[: cursor.position])
    return (ImagePrompt(images[0].url),) if len(images) == 1 else tuple(images)


def _image(cursor: Cursor, token: Token) -> ImagePrompt:
    typed = cursor.typed(token)
    try:
        url, weight = read_link(typed)
    except BadValueError as error:
        reason = f"{quoted(typed)} is not {error.expected}."
        cursor.refuse(reason, "Copy the picture's own link.", token, cause=error)
    if not weight:
        return ImagePrompt(url)
    number = cursor.weight(weight, token, "Write https://...::2, then a space.")
    if not 0 <= number <= MAX_WEIGHT:
        reason = f"The weight {weight} is outside 0 to {MAX_WEIGHT}."
        cursor.refuse(reason, "Only ratios matter.", token)
    return ImagePrompt(url, number)
