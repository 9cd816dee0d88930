"""From what a user typed to prompts: own parameters, then permutations, then one by one.

    typed -> own parameters -> permutations -> suffix -> parse -> --repeat

What an own parameter stands for may hold braces. The suffix goes behind each permutation, because
each may leave out something else of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.prompt.errors import PromptError
from bot.prompt.macros import expand
from bot.prompt.parser import check_length, parse
from bot.prompt.permutations import Permutation, written_out
from bot.prompt.prompt import Prompt
from bot.prompt.tokenizer import Kind, tokenize, visible
from bot.prompt.vocabulary import NOTHING, Vocabulary

MAX_JOBS = 40
"""As many as Midjourney's largest plans allow."""

_NONE: Mapping[str, str] = MappingProxyType({})


def parse_all(
    text: str,
    vocabulary: Vocabulary = NOTHING,
    *,
    options: Mapping[str, str] = _NONE,
    suffix: str = "",
    limit: int = MAX_JOBS,
) -> tuple[Prompt, ...]:
    """Read everything that a text asks for: a prompt for each job. Raises PromptError only.

    `options` and `suffix` are the user's own (see `expand`), `limit` is how many jobs they may ask
    for at once. None of the prompts has --repeat.
    """
    check_length(text)
    whole = expand(text, options, "")
    check_length(whole)
    prompts: list[Prompt] = []
    for one in written_out(whole, limit=limit):
        try:
            prompt = parse(expand(one.text, _NONE, suffix), vocabulary)
            prompts += [prompt.once()] * prompt.parameters.repeat
            if len(prompts) > limit:
                raise _too_many(one.text, limit)
        except PromptError as error:
            raise _pointing_into(whole, one, error) from error
    return tuple(prompts)


def _pointing_into(whole: str, one: Permutation, error: PromptError) -> PromptError:
    """Return the error with its place in the text that has braces, not in what they stand for."""
    if not one.text or error.start >= len(one.text):
        return error  # the suffix is at fault
    start, last = (
        one.place(position) for position in (error.start, min(error.end, len(one.text)) - 1)
    )
    last = max(last, start)
    return PromptError(error.message, source=whole, start=start, end=last + 1, hint=error.hint)


def _too_many(text: str, limit: int) -> PromptError:
    flags = [token for token in tokenize(visible(text)) if token.kind is Kind.FLAG]
    repeat = next((token for token in flags if token.value in {"repeat", "r"}), None)
    return PromptError(
        f"--repeat makes more than {limit} prompts of this one, and that is the limit.",
        source=text,
        start=repeat.start if repeat else 0,
        end=repeat.end if repeat else len(text),
        hint="Repeat it less often.",
    )
