"""The border between two vocabularies: Midjourney's words become diffusers' words here.

Pure: a prompt and a model's card in, a request out. Knows no job, no user and no device. Every
number here is a choice of ours; what Midjourney does is not known.

Errors::

    CannotDrawError     a prompt that can be read and not drawn yet: says what to leave out
"""

from bot.recipe.drawing import (
    SAMPLERS,
    image_to_image,
    keeping_composition,
    nearest_size,
    text_to_image,
)
from bot.recipe.errors import CannotDrawError
from bot.recipe.pictures import Conditions, Drawn, Variation, conditions, itself

__all__ = [
    "SAMPLERS",
    "CannotDrawError",
    "Conditions",
    "Drawn",
    "Variation",
    "conditions",
    "image_to_image",
    "itself",
    "keeping_composition",
    "nearest_size",
    "text_to_image",
]
