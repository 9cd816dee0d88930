"""What /describe finds in pictures, on the built-in model, in numbers.

    PYTHONPATH=. python tests/benchmarks/descriptions.py [--pictures 40]

The model draws from words, and is asked what it drew: what it drew badly counts as badly described.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from engine.api import Describe, Described
from engine.devices import find_device
from engine.models.catalog import Catalog
from engine.models.store import ModelStore
from engine.pocket.captions import article, plural
from engine.pocket.concepts import CONCEPTS
from engine.words import Reader
from tests.benchmarks.image_prompts import GROUNDS, MODEL, Studio

STEPS = 20
KNOWN = 40
"""Of the things, in the order in which people try them first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a picture is to show: the words to draw it by, and those that must be found again."""

    prompt: str
    subject: tuple[str, ...]
    """All of them must be there."""
    ground: str


def main() -> None:
    """Draw, describe, print."""
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    studio = Studio(STEPS)
    reader = Reader(
        ModelStore(
            catalog=Catalog.load(),
            models_dir=Path(tempfile.gettempdir()),
            device=find_device(),
            budget_bytes=2**33,
        )
    )
    for kind, asked in _questions(arguments.pictures).items():
        subjects, among, grounds, seconds = [], [], [], []
        for one in asked:
            (png,) = studio.draw(one.prompt)
            started = time.perf_counter()
            prompts = _describe(reader, png)
            seconds.append(time.perf_counter() - started)
            subjects.append(_names(prompts[0], one.subject))
            among.append(any(_names(prompt, one.subject) for prompt in prompts))
            grounds.append(f"{one.ground} background" in prompts[0])
        print(
            f"{kind}: the first prompt names it in {statistics.mean(subjects):.0%},"
            f" one of the four in {statistics.mean(among):.0%},"
            f" its background in {statistics.mean(grounds):.0%};"
            f" median {statistics.median(seconds):.2f} s",
            flush=True,
        )


def _questions(count: int) -> dict[str, list[Asked]]:
    rng = random.Random(2)
    names = [concept.names[0] for concept in CONCEPTS[:KNOWN]]

    def asked(words: str, subject: Sequence[str]) -> Asked:
        ground = rng.choice(GROUNDS)
        return Asked(f"{words} on {article(f'{ground} background')}", tuple(subject), ground)

    def several() -> Iterator[Asked]:
        for name in rng.sample(names, count // 2):
            number = rng.choice(("two", "three"))
            words = f"{number} {plural(name)}"
            yield asked(words, [number, plural(name)])

    def pairs() -> Iterator[Asked]:
        for _ in range(count // 2):
            one, other = rng.sample(names, 2)
            yield asked(f"{article(one)} and {article(other)}", [one, other])

    return {
        "one thing": [asked(article(name), [name]) for name in rng.sample(names, count)],
        "two or three of a kind": list(several()),
        "two different things": list(pairs()),
    }


def _describe(reader: Reader, png: bytes) -> list[str]:
    sha256 = hashlib.sha256(png).hexdigest()
    answer = reader.read(Describe(model=MODEL, image=sha256, seed=0), {sha256: png}).answer
    if not isinstance(answer, Described):
        raise SystemExit(f"{MODEL} does not describe pictures")
    return list(answer.prompts)


def _names(prompt: str, words: Sequence[str]) -> bool:
    return all(f" {word} " in f" {prompt.replace(',', '')} " for word in words)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=KNOWN)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
