"""The prompt language: `a cat::2 sofa --ar 16:9 --no text`, its flags, errors and canonical text.

Knows no Discord, no model and no engine: what the words mean is `bot.recipe`'s business.

Errors::

    PromptError     names the parameter, the value and the range, and points at the characters
"""

from bot.prompt.completion import Completion, complete
from bot.prompt.errors import PromptError
from bot.prompt.flags import FLAGS, Flag
from bot.prompt.kinds import Ratio
from bot.prompt.parameters import Parameters
from bot.prompt.parser import MAX_CHARACTERS, parse
from bot.prompt.prompt import Part, Prompt

__all__ = [
    "FLAGS",
    "MAX_CHARACTERS",
    "Completion",
    "Flag",
    "Parameters",
    "Part",
    "Prompt",
    "PromptError",
    "Ratio",
    "complete",
    "parse",
]
