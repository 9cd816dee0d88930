"""Throw random text at the prompt language: `python -m tests.benchmarks.fuzz_prompt --seconds 30`.

Every text must be read or refused with a PromptError that points into it, and what was read must
come back from its canonical text. Ends with status 1 at the first that does not, and prints it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections import Counter

from bot.prompt import (
    FLAGS,
    PromptError,
    Vocabulary,
    complete,
    count_permutations,
    parse,
    parse_all,
    permutations,
)

HERE = Vocabulary(models=("pocket", "sdxl"), versions=(0, 1), niji=(4,), loras=("pixels", "ink-2"))
OPTIONS = {"mine": "--ar {3:2, 2:3}", "oil": "in oil, {thick, thin}", "loop": "--loop"}
LIMIT = 40

_PIECES = (
    *(f"--{name}" for flag in FLAGS for name in (flag.name, *flag.aliases)),
    *(flag.usage() for flag in FLAGS),
    *("--mine", "--oil", "--loop", "--{mine, raw}", "—ar", "\u2013s", "-ar", "--", "--zzz"),
    *("16:9", "1.39:1", "5", "-.5", "nan", "inf", "1e9", "٣", "\uff15", "4294967296", "9" * 40),
    *(
        "::",
        "::2",
        "::-1",
        ":::",
        ":",
        ",",
        "\uff0c",
        "、",
        '"',
        "“",
        "”",
        "`",
        "\\",
        "\\,",
        "\\{",
        "\\{--mine",
    ),
    *("{", "}", "{a, b}", "{a, {b, c}}", "{,}", "{" * 11, "{a,b}" * 20, "(", ")", "[", "]"),
    *("https://a.b/c.png", "https://a.b/c::2", "<http://a/b>", "http://[::1]/x", "https://"),
    *("<lora:pixels:0.8>", "<lora:ink-2>", "<lora:", "<lora:x:1>", "<", ">", "(cat:1.2)", "BREAK"),
    *(
        "a cat",
        "猫",
        "e\u0301",
        "👩\u200d🚀",
        "\u202e",
        "\u200b",
        "\0",
        "\n",
        "\ud800",
        "<@1>",
        " ",
    ),
)


def text(draw: random.Random) -> str:
    """Return a text of pieces that mean something, and now and then of any characters at all."""
    if draw.random() < 0.3:
        return _nearly_right(draw)
    if draw.random() < 0.1:
        return "".join(chr(draw.randrange(0x110000)) for _ in range(draw.randrange(60)))
    glue = draw.choice(("", " ", " "))
    pieces = draw.choices(_PIECES, k=draw.randrange(1, 20))
    if draw.random() < 0.7:
        pieces.sort(key=lambda piece: piece.startswith("--"))
        pieces.insert(0, "a cat")
    typed = glue.join(pieces)
    if draw.random() < 0.02:
        typed = (typed * 6000)[: draw.choice((5999, 6000, 6001))]
    return typed


def _nearly_right(draw: random.Random) -> str:
    """Return a text that is right but for one piece, at most."""
    head = draw.sample(("https://a.b/c.png::2", "https://d.e/f", "hot::2 dog,", "{a, {b, c}}"), k=2)
    flags = draw.sample([flag for flag in FLAGS if not flag.excludes and flag.example], k=4)
    head.sort(key=lambda piece: not piece.startswith("http"))
    pieces = [*head, "fox <lora:pixels>", *(flag.usage() for flag in flags)]
    if draw.random() < 0.5:
        pieces.insert(draw.randrange(len(pieces)), draw.choice(_PIECES))
    return " ".join(pieces)


def check(typed: str) -> str:
    """Return what became of a text. Raises AssertionError, or whatever is wrong with the code."""
    complete(typed, HERE)
    try:
        count = count_permutations(typed)
        if count <= LIMIT:
            made = permutations(typed, limit=LIMIT)
            _claim(len(made) == count, f"{count} were counted, {len(made)} made")
        prompts = parse_all(typed, HERE, options=OPTIONS, suffix="--no text", limit=LIMIT)
    except PromptError as error:
        _claim(0 <= error.start <= error.end <= len(error.source), "points outside of its text")
        _claim(error.render().count("```") == 2, "breaks out of its code block")
        return "refused"
    for prompt in set(prompts):
        canonical = prompt.canonical()
        _claim(parse(canonical, HERE) == prompt, "reads back as another")
        _claim(permutations(canonical, limit=1) == [canonical], "stands for several")
    return "read as one" if len(prompts) == 1 else "read as many"


def _claim(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


def main() -> int:
    """Run for as long as was asked; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    draw, counts = random.Random(options.seed), Counter[str]()
    slowest = 0.0
    end = time.monotonic() + options.seconds
    while (start := time.monotonic()) < end:
        typed = text(draw)
        try:
            counts[check(typed)] += 1
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            traceback.print_exc()
            print(f"seed {options.seed}: {typed!r}")
            return 1
        slowest = max(slowest, time.monotonic() - start)
    print(f"seed {options.seed}: {sum(counts.values())} texts in {options.seconds:g} s")
    for outcome, count in counts.most_common():
        print(f"  {outcome:12} {count}")
    print(f"  slowest      {slowest * 1000:.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
