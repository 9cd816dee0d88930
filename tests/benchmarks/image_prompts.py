"""What pictures in a prompt do on the built-in model, in numbers.

    PYTHONPATH=. python tests/benchmarks/image_prompts.py [--pictures 20] [--seeds 3] [--others 50]

Similarity is the cosine between embeddings of the model's own CLIP, the one that it is told of
pictures with. The pictures and the others are drawn by the model, each of another thing: one that
shared a thing or a background with both parents of a blend would rightly be nearer to it than they.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from bot.recipe.pictures import KEPT_COMPOSITION
from engine.api import (
    DrawingRequest,
    ImageCondition,
    ImageToImage,
    TextToImage,
    WeightedImage,
    WorkItem,
)
from engine.devices import find_device
from engine.image_encoder import blend
from engine.models.card import ModelCard
from engine.models.catalog import Catalog
from engine.models.store import ModelStore
from engine.models.unclip import UnCLIP
from engine.painter import Painter
from engine.pipelines.image_conditions import noise_level_of
from engine.pocket.concepts import CONCEPTS

MODEL = "pocket"
SCALES = (1.0, 0.8, 0.5, 0.2)
IMAGE_WEIGHTS = (0.25, 0.5, 1.0, 2.0, 3.0)
PARTNERS = (1, 3, 7)
"""A picture is blended with those that stand so many places behind it: one partner each says
little, since some pairs are drawn well from any seed, and others from none."""
GROUNDS = ("blue", "yellow", "pink", "black", "white", "green", "red", "purple")

Embeds = npt.NDArray[np.float32]
"""(N, D), each of length 1."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture and the prompt that it came from."""

    prompt: str
    png: bytes

    @property
    def sha256(self) -> str:
        """Its name in a request."""
        return hashlib.sha256(self.png).hexdigest()


class Studio:
    """Draws and looks."""

    def __init__(self, steps: int) -> None:
        device = find_device()
        models_dir = Path(tempfile.gettempdir())
        self._store = ModelStore(
            catalog=Catalog.load(), models_dir=models_dir, device=device, budget_bytes=2**33
        )
        self._painter = Painter(self._store)
        self._steps = steps
        images = self._store.get(MODEL, images=True).image_prompts
        if not isinstance(images, UnCLIP):
            raise SystemExit(f"{MODEL} has no unCLIP decoder")
        self._encoder = images.image_encoder

    @property
    def card(self) -> ModelCard:
        """The model's settings."""
        return self._store.catalog[MODEL]

    def draw(
        self,
        prompt: str,
        *sources: Drawn,
        scale: float = 1.0,
        seed: int = 0,
        count: int = 1,
        candidates: int = 1,
    ) -> list[bytes]:
        """Draw from words, and from `sources` blended: of each picture the best candidate."""
        card = self.card
        width, height = card.default_size
        request = TextToImage(
            model=MODEL,
            prompt=prompt,
            height=height,
            width=width,
            seed=seed,
            num_images=count,
            num_candidates=candidates,
            num_inference_steps=self._steps,
            guidance_scale=card.guidance_scale,
            denoising_end=card.denoising_end if prompt else 1.0,
            image_prompt=ImageCondition(
                images=tuple(WeightedImage(image=source.sha256) for source in sources), scale=scale
            )
            if sources
            else None,
        )
        return self._run(request, *sources)

    def keep(self, source: Drawn, *, count: int) -> list[bytes]:
        """Draw subtle variations: from a picture's embedding, and starting at the picture."""
        card = self.card
        width, height = card.default_size
        request = ImageToImage(
            model=MODEL,
            prompt="",
            height=height,
            width=width,
            seed=0,
            num_images=count,
            num_inference_steps=self._steps,
            guidance_scale=card.guidance_scale,
            image=source.sha256,
            strength=KEPT_COMPOSITION,
            image_prompt=ImageCondition(images=(WeightedImage(image=source.sha256),)),
        )
        return self._run(request, source)

    def _run(self, request: DrawingRequest, *sources: Drawn) -> list[bytes]:
        blobs = {source.sha256: source.png for source in sources}
        item = WorkItem(job_id=1, fence=1, request=request, blobs=blobs)
        drawing = self._painter.draw(item, report=lambda *_: None, is_stopped=lambda: False)
        return [picture.png for picture in drawing.pictures]

    def look(self, pngs: Sequence[bytes]) -> Embeds:
        """Embed pictures."""
        return _unit(self.embeds(pngs).numpy())

    def embeds(self, pngs: Sequence[bytes]) -> torch.Tensor:
        """Embed pictures, without changing the length."""
        images = [Image.open(io.BytesIO(png)).convert("RGB") for png in pngs]
        return torch.cat([self._encoder.image_embeds(image) for image in images])


def main() -> None:
    """Draw, look, print."""
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    studio = Studio(arguments.steps)
    rng = random.Random(1)
    things = [concept.names[0] for concept in CONCEPTS[: arguments.pictures + arguments.others]]
    rng.shuffle(things)
    prompts = [f"a {thing} on a {rng.choice(GROUNDS)} background" for thing in things]
    drawn = [Drawn(prompt, studio.draw(prompt)[0]) for prompt in prompts]
    sources, others = drawn[: arguments.pictures], drawn[arguments.pictures :]
    print(f"{len(sources)} pictures, {arguments.seeds} seeds, {len(others)} others")
    elsewhere = studio.look([other.png for other in others])
    _variations(studio, sources, elsewhere, arguments.seeds)
    _image_weights(studio, sources, arguments.seeds)
    _blends(studio, sources, elsewhere, arguments.seeds)


def _variations(studio: Studio, sources: list[Drawn], others: Embeds, seeds: int) -> None:
    """Variations without a prompt: subtle ones, then from the embedding alone at rising noise."""
    kept = [studio.keep(source, count=seeds) for source in sources]
    _nearness("subtle variation", studio, sources, kept, others)
    for scale in SCALES:
        drawn = [studio.draw("", source, scale=scale, count=seeds) for source in sources]
        title = f"variation, noise level {noise_level_of(scale):3}"
        _nearness(title, studio, sources, drawn, others)


def _nearness(
    title: str, studio: Studio, sources: list[Drawn], drawn: list[list[bytes]], others: Embeds
) -> None:
    """Print how near variations are to their sources, each beside the others."""
    similar, nearest = [], []
    for source, pngs in zip(sources, drawn, strict=True):
        (seen,), varied = studio.look([source.png]), studio.look(pngs)
        similar += list(varied @ seen)
        nearest += list(varied @ seen > (varied @ others.T).max(1))
    print(
        f"{title}: similarity to its source {np.mean(similar):.3f};"
        f" closer to it than to every other: {np.mean(nearest):.0%}"
    )


def _image_weights(studio: Studio, sources: list[Drawn], seeds: int) -> None:
    """Pictures beside the words of another picture, at rising --iw."""
    pairs = list(zip(sources, [*sources[1:], sources[0]], strict=True))
    for image_weight in IMAGE_WEIGHTS:
        to_image, to_words = [], []
        for source, other in pairs:
            seen, said = studio.look([source.png, other.png])
            scale = 1 - 0.45**image_weight
            mixed = studio.look(studio.draw(other.prompt, source, scale=scale, count=seeds))
            to_image += list(mixed @ seen)
            to_words += list(mixed @ said)
        print(
            f"--iw {image_weight:4}: similarity to the picture {np.mean(to_image):.3f},"
            f" to what the words alone drew {np.mean(to_words):.3f}"
        )


def _blends(studio: Studio, sources: list[Drawn], others: Embeds, seeds: int) -> None:
    """Blends of every picture with some others: what is told of them, and what is drawn."""
    pairs = [
        (source, sources[(index + steps) % len(sources)])
        for steps in PARTNERS
        for index, source in enumerate(sources)
    ]
    between, within = [], []
    for first, second in pairs:
        parents = studio.embeds([first.png, second.png])
        seen = _unit(parents.numpy())
        middle = _unit(blend(parents, [1, 1]).numpy())[0]
        between.append((seen @ middle).min() > seen[0] @ seen[1])
        within.append((seen @ middle).min() > (others @ middle).max())
    print(f"blend: its embedding lies between its parents' in {np.mean(between):.0%}")
    print(f"blend: both parents are closer to it than every other picture: {np.mean(within):.0%}")
    for candidates in (1, studio.card.blend_candidates):
        _drawn_blends(studio, pairs, others, seeds=seeds, candidates=candidates)


def _drawn_blends(
    studio: Studio,
    pairs: list[tuple[Drawn, Drawn]],
    others: Embeds,
    *,
    seeds: int,
    candidates: int,
) -> None:
    """Print how near drawn blends are to both parents, each beside the others."""
    nearer, pairwise, seconds = [], [], []
    for first, second in pairs:
        seen = studio.look([first.png, second.png])
        started = time.perf_counter()
        pngs = studio.draw("", first, second, count=seeds, candidates=candidates)
        seconds.append(time.perf_counter() - started)
        drawn = studio.look(pngs)
        farther = (drawn @ seen.T).min(1)
        away = drawn @ others.T
        nearer += list(farther > away.max(1))
        pairwise += list((farther[:, None] > away).mean(1))
    print(
        f"drawn blends, the best of {candidates}: both parents closer than an other picture in"
        f" {np.mean(pairwise):.0%} of cases, than every other picture in {np.mean(nearer):.0%};"
        f" median {statistics.median(seconds):.1f} s for {seeds} pictures"
    )


def _unit(embeds: npt.NDArray[np.float32]) -> Embeds:
    unit: Embeds = embeds / np.linalg.norm(embeds, axis=-1, keepdims=True)
    return unit


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--others", type=int, default=50)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
