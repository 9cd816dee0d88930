"""Which words of a prompt matter: those without which the model understands something else.

Every word is left out once. The further the prompt's embedding moves, the more the word weighs.
"""

from __future__ import annotations

import torch

from engine.api import Shortened, WordWeight
from engine.prompt_encoder import Tower

KEPT_SHARES = (0.8, 0.6, 0.45, 0.3, 0.15)
"""Of a prompt's words, in the prompts that are offered instead."""


@torch.inference_mode()
def shorten(tower: Tower, prompt: str) -> Shortened:
    """Weigh the words of a prompt as `tower` understands it, and leave out the light ones."""
    words = prompt.split()
    without = [" ".join(words[:index] + words[index + 1 :]) for index in range(len(words))]
    whole, *parts = torch.split(tower.pooled([prompt, *without]), 1)
    moved = [1 - float(torch.cosine_similarity(whole, part)) for part in parts]
    heaviest = max(*moved, 1e-12)
    weights = [min(max(distance / heaviest, 0.0), 1.0) for distance in moved]
    return Shortened(
        words=[
            WordWeight(word=word, weight=round(weight, 4))
            for word, weight in zip(words, weights, strict=True)
        ],
        prompts=_shorter(words, weights),
    )


def _shorter(words: list[str], weights: list[float]) -> list[str]:
    """Return the prompt without its lightest words, ever fewer of them."""
    by_weight = sorted(range(len(words)), key=lambda index: weights[index], reverse=True)
    counts = dict.fromkeys(max(1, round(len(words) * share)) for share in KEPT_SHARES)
    prompts = [
        " ".join(words[index] for index in sorted(by_weight[:count])).strip(" ,;:-")
        for count in counts
        if count < len(words)
    ]
    return [text for text in dict.fromkeys(prompts) if text]
