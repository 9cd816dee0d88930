"""The prompt language: `a {red, green} cat::2 sofa --ar 16:9 --no text`.

`parse_all` reads what a user typed, with braces, own parameters and --repeat; `parse` reads one
prompt, such as the canonical text that is stored with a job. Knows no Discord, no model and no
engine: what the words mean is `bot.recipe`'s business.

`parser` is the grammar and what is refused, `flags` are the parameters, and `values` are what can
be typed behind them.

Errors::

    PromptError     names the parameter, the value and the range, and points at the characters
"""

from bot.prompt.completion import Completion, complete
from bot.prompt.errors import PromptError
from bot.prompt.flags import FLAGS, Flag, flag_table, likely_name
from bot.prompt.macros import expand
from bot.prompt.parameters import Parameters
from bot.prompt.parser import MAX_CHARACTERS, parse
from bot.prompt.permutations import count_permutations, permutations
from bot.prompt.prompt import Lora, Part, Prompt
from bot.prompt.reading import MAX_JOBS, parse_all
from bot.prompt.values import ImagePrompt, Ratio
from bot.prompt.vocabulary import Vocabulary

__all__ = [
    "FLAGS",
    "MAX_CHARACTERS",
    "MAX_JOBS",
    "Completion",
    "Flag",
    "ImagePrompt",
    "Lora",
    "Parameters",
    "Part",
    "Prompt",
    "PromptError",
    "Ratio",
    "Vocabulary",
    "complete",
    "count_permutations",
    "expand",
    "flag_table",
    "likely_name",
    "parse",
    "parse_all",
    "permutations",
]
