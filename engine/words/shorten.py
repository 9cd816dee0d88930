"""Which words of a prompt matter: by their effect on its embedding.

Each word is left out once, and stands alone once. It weighs much if the prompt's embedding moves
far without it, and if by itself it comes near: the geometric mean of the two, so that a filler
which only disturbs the others weighs little.
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
    whole, nothing, rest = torch.split(
        tower.pooled([prompt, "", *without, *words]), [1, 1, 2 * len(words)]
    )
    near = torch.cosine_similarity(whole, rest)
    lost = 1 - near[: len(words)]
    said = near[len(words) :] - torch.cosine_similarity(whole, nothing)
    weights = _relative((_relative(lost) * _relative(said)).sqrt()).tolist()
    return Shortened(
        words=[
            WordWeight(word=word, weight=round(weight, 4))
            for word, weight in zip(words, weights, strict=True)
        ],
        prompts=_shorter(words, weights),
    )


def _relative(values: torch.Tensor) -> torch.Tensor:
    """Return values (N,) as shares of the greatest; what is below 0 is 0."""
    positive = values.clamp_min(0)
    return positive / positive.max().clamp_min(1e-12)


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
