"""What can be typed behind a parameter: each kind of value, how it is read, checked and written.

A kind knows no parameter and no position. `read` raises `BadValueError`, `write` is its inverse,
`describe` is the range in words, `candidates` are what a text field may offer.
"""

from bot.prompt.values.choices import Choice, NumberChoice, Switch
from bot.prompt.values.links import ImagePrompt, Links, read_link
from bot.prompt.values.numbers import MAX_WEIGHT, Number, WholeNumber, number_text, read_weight
from bot.prompt.values.ratios import SQUARE, AspectRatio, Ratio
from bot.prompt.values.words import FreeText, WordList

__all__ = [
    "MAX_WEIGHT",
    "SQUARE",
    "AspectRatio",
    "Choice",
    "FreeText",
    "ImagePrompt",
    "Links",
    "Number",
    "NumberChoice",
    "Ratio",
    "Switch",
    "ValueKind",
    "WholeNumber",
    "WordList",
    "number_text",
    "read_link",
    "read_weight",
]

ValueKind = (
    WholeNumber
    | Number
    | NumberChoice
    | Choice
    | AspectRatio
    | WordList
    | FreeText
    | Links
    | Switch
)
