"""`easel describe` and `easel shorten`: words for a picture, and the words that matter."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.answers import prompts_of
from bot.cli.bench import Bench, DrawingError, Result, link_to, read_one, show, work
from bot.dispatch.drafts import words_alone
from bot.prompt import Prompt
from bot.settings import Settings
from engine import api


def describe(settings: Settings, options: argparse.Namespace) -> int:
    """Print four prompts for a picture; return the exit code."""

    async def request(bench: Bench, prompt: Prompt) -> api.Request:
        (image,) = (await bench.take(prompt.links)).values()
        return bench.drafts.describe(image, seed=random.randint(0, api.MAX_SEED))

    return _find(settings, options, lambda: read_one(settings, link_to(options.picture)), request)


def shorten(settings: Settings, options: argparse.Namespace) -> int:
    """Print what matters in a prompt, and shorter ones; return the exit code."""

    def read() -> Prompt:
        prompt = read_one(settings, options.prompt)
        words_alone(prompt)  # refused before a worker is started for it
        return prompt

    async def request(bench: Bench, prompt: Prompt) -> api.Request:
        return bench.drafts.shorten(prompt)

    return _find(settings, options, read, request)


def _find(
    settings: Settings,
    options: argparse.Namespace,
    read: Callable[[], Prompt],
    request: Callable[[Bench, Prompt], Awaitable[api.Request]],
) -> int:
    async def do(bench: Bench, prompt: Prompt) -> Result:
        asked = await request(bench, prompt)
        answer = (await bench.run(asked)).answer
        if answer is None:
            raise DrawingError("The worker answered without words. See `easel doctor`.")
        result = {
            **api.answer_to_json(answer),
            "model": asked.model,
            "prompts": prompts_of(answer, prompt if prompt.parts else None),
        }
        if options.out:
            await asyncio.to_thread(_write, options.out, result)
        return result

    return show(work(settings, read, do), _readable, as_json=options.json)


def _write(out: Path, result: Result) -> None:
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=2, ensure_ascii=False)
    (out / "answer.json").write_text(text, encoding="utf-8")


def _readable(result: Result) -> str:
    words = [f"{one['weight']:.2f}  {one['word']}" for one in result.get("words", [])]
    source = [f"words by {result['source']}"] if "source" in result else []
    prompts = [f"{number}. {text}" for number, text in enumerate(result["prompts"], start=1)]
    return "\n".join([*words, *source, *prompts])
