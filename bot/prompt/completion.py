"""What a text field may offer while a prompt is typed. Reads the table of flags, never fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.prompt.flags import Flag, flag_table
from bot.prompt.tokenizer import Kind, Token, tokenize, visible
from bot.prompt.vocabulary import NOTHING, Vocabulary


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole prompt to offer, and the sentence that explains what it adds."""

    text: str
    help: str


def complete(text: str, vocabulary: Vocabulary = NOTHING) -> list[Completion]:
    """Return prompts that begin like `text`: its last flag's name or value, or LoRA, completed."""
    table = flag_table(vocabulary)
    tokens = list(tokenize(visible(text)))
    if tokens and tokens[-1].kind is Kind.LORA and tokens[-1].end == len(text):
        return list(_loras(text, tokens[-1], vocabulary.loras))
    given = [token for token in tokens if token.kind is Kind.FLAG]
    if not given:
        return []
    last = given[-1]
    if last is tokens[-1] and last.end == len(text):
        others = {table[token.value] for token in given[:-1] if token.value in table}
        return list(_names(text, last, table, others))
    if last.value in table:
        return list(_values(text, last, table[last.value]))
    return []


def _loras(text: str, last: Token, names: Sequence[str]) -> Iterator[Completion]:
    typed = last.value.removeprefix("<lora:")
    for name in names:
        if name.startswith(typed):
            yield Completion(f"{text[: last.start]}<lora:{name}>", f"Draw with the LoRA {name}.")


def _names(
    text: str, last: Token, table: dict[str, Flag], others: set[Flag]
) -> Iterator[Completion]:
    for flag in dict.fromkeys(table.values()):
        names = (flag.name, *flag.aliases)
        fits = flag not in others and not any(other.name in flag.excludes for other in others)
        if fits and any(name.startswith(last.value.lower()) for name in names):
            yield Completion(f"{text[: last.start]}--{flag.name}", flag.help)


def _values(text: str, last: Token, flag: Flag) -> Iterator[Completion]:
    typed = text[last.end :].strip()
    for value in flag.kind.candidates():
        if value.startswith(typed):
            yield Completion(f"{text[: last.end]} {value}", flag.help)
