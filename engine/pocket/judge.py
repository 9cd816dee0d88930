"""How good the trained parts are, in figures: each by a rule of its own, on what was kept out.

Composed pictures of the same scenes go through the same rules: what a rule misses there is its own
error, and no picture can be asked to do better.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import linalg
from torch import Tensor
from torch.nn.functional import normalize

from engine.pocket import rules
from engine.pocket.dataset import SQUARE, Pixels
from engine.pocket.drawing import draw_base, draw_refined, draw_variations
from engine.pocket.embeddings import embed
from engine.pocket.export import open_components
from engine.pocket.icons import load_art
from engine.pocket.questions import Kind, Question, ask
from engine.pocket.scenes import Composer, draw
from engine.pocket.training import device

SEEDS = (0, 1, 2)
BATCH = 8
CAPTIONS = 100
SOURCES = 51
# Shards count their seeds up from zero and never get here.
FIRST_SOURCE = 10**9
VARIATIONS = 4
# Mean difference of two pictures' pixels, 0 to 255, from which they count as different.
DIFFERENT = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table. Shares are 0 to 1; a distance has no wanted value."""

    name: str
    composed: float | None
    drawn: float
    wanted: str


def by_rules(questions: list[Question], pictures: list[Pixels]) -> dict[str, float]:
    """Return the share of pictures that obey each rule, one picture a question."""
    kept: dict[str, list[bool]] = {}
    for question, picture in zip(questions, pictures, strict=True):
        kept.setdefault("background", []).append(rules.background(picture) == question.ground)
        if question.kind is Kind.SIDES:
            is_right = rules.is_left_of(picture, *question.colours)
            kept.setdefault("left and right", []).append(is_right)
            continue
        is_coloured = rules.has_colour(picture, question.colours[0])
        if question.kind is Kind.UNSEEN:
            is_whole = is_coloured and rules.background(picture) == question.ground
            kept.setdefault("unseen colour, and background", []).append(is_whole)
        else:
            kept.setdefault("colour of the thing", []).append(is_coloured)
            is_counted = rules.count(picture) == question.count
            kept.setdefault("one, two, three", []).append(is_counted)
    return {name: float(np.mean(found)) for name, found in kept.items()}


def recall(images: Tensor, texts: Tensor, owners: list[int], *, at: int) -> float:
    """Return how often a picture's own caption is among the `at` nearest. Unit vectors."""
    nearest = (images @ texts.T).topk(at).indices
    own = torch.tensor(owners)[:, None]
    return float((nearest == own).any(dim=1).float().mean())


def frechet_distance(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """Return the distance of two normal distributions fitted to features (Heusel et al. 2017)."""
    means = one.mean(axis=0) - other.mean(axis=0)
    covariances = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    return float(means @ means + np.trace(covariances[0] + covariances[1] - 2 * root))


class Judge:
    """Asks the trained parts of a work folder, and looks at what they draw."""

    def __init__(self, work: Path, count: int) -> None:
        self.device = device()
        self.components = open_components(work, self.device)
        library = load_art(work / "npm")
        self.composer = Composer(library)
        self.questions = ask(library, count)

    def figures(self) -> Iterator[Figure]:
        """Draw, and compare with composed pictures."""
        asked = self.questions * len(SEEDS)
        composed = [
            np.asarray(draw(question.scene, random.Random(i))) for i, question in enumerate(asked)
        ]
        refined = self._draw(draw_refined, "base + refiner")
        wanted = {
            "background": ">= 95 %",
            "colour of the thing": ">= 90 %",
            "one, two, three": ">= 75 %",
            "left and right": ">= 75 %",
            "unseen colour, and background": ">= 80 %",
        }
        truth, found = by_rules(asked, composed), by_rules(asked, refined)
        for name, least in wanted.items():
            yield Figure(name=name, composed=truth[name], drawn=found[name], wanted=least)
        yield from self._recalls(composed, refined)
        features = self._embed(composed)
        alone = self._draw(draw_base, "base alone", seeds=SEEDS[:1])
        # As many of each: the distance of few pictures is too large.
        for name, pictures in (("base", alone), ("base + refiner", refined[: len(alone)])):
            distance = frechet_distance(features.numpy(), self._embed(pictures).numpy())
            title, least = f"distance: {name}", "the lower the better"
            yield Figure(name=title, composed=None, drawn=distance, wanted=least)
        yield from self._variations()

    @torch.no_grad()
    def _draw(self, method: Any, title: str, *, seeds: tuple[int, ...] = SEEDS) -> list[Pixels]:
        """Draw all questions, seed by seed."""
        prompts = [question.prompt for question in self.questions]
        chunks = [prompts[i : i + BATCH] for i in range(0, len(prompts), BATCH)]
        pictures: list[Pixels] = []
        for seed, chunk in track([(s, chunk) for s in seeds for chunk in chunks], title):
            with torch.autocast(self.device.type, dtype=torch.bfloat16):
                drawn = method(self.components, tuple(chunk), seed=seed)
            pictures += [np.asarray(image) for image in drawn]
        return pictures

    def _embed(self, pictures: list[Pixels]) -> Tensor:
        """Return the image tower's features. (N, 192), float32."""
        return embed(self.components["image_encoder"], np.stack(pictures)).cpu()

    @torch.no_grad()
    def _recalls(self, composed: list[Pixels], drawn: list[Pixels]) -> Iterator[Figure]:
        """Let the CLIP find each picture's caption among a hundred."""
        length = len(self.questions)
        chosen = list(range(0, length, max(1, length // CAPTIONS)))[:CAPTIONS]
        captions = [self.questions[i].prompt for i in chosen]
        tokens = self.components["tokenizer"](captions, padding=True, return_tensors="pt")
        encoder = self.components["text_encoder_2"]
        texts = encoder(input_ids=tokens.input_ids.to(self.device)).text_embeds.cpu()
        owners = list(range(len(chosen))) * len(SEEDS)
        picked = [s * length + i for s in range(len(SEEDS)) for i in chosen]
        views = [
            normalize(self._embed([pictures[i] for i in picked]), dim=-1)
            for pictures in (composed, drawn)
        ]
        for at, share in ((1, 0.8), (5, 0.9)):
            truth, found = (recall(v, normalize(texts, dim=-1), owners, at=at) for v in views)
            least = f">= {share * truth:.0%}"
            yield Figure(name=f"CLIP recall at {at}", composed=truth, drawn=found, wanted=least)

    def _variations(self) -> Iterator[Figure]:
        """Draw four variations of each source, and compare them with all sources."""
        sources = [self.composer.compose(FIRST_SOURCE + i, SQUARE)[0] for i in range(SOURCES)]
        views = normalize(self._embed([np.asarray(source) for source in sources]), dim=-1)
        drawn: list[list[Pixels]] = []
        for seed in track(range(VARIATIONS), "variations"):
            with torch.autocast(self.device.type, dtype=torch.bfloat16):
                images = draw_variations(self.components, sources, seed=seed)
            drawn.append([np.asarray(image) for image in images])
        owners = list(range(SOURCES)) * VARIATIONS
        embeds = normalize(self._embed([picture for row in drawn for picture in row]), dim=-1)
        yield Figure(
            name="variation nearest to its source of 51",
            composed=None,
            drawn=recall(embeds, views, owners, at=1),
            wanted=">= 90 %",
        )
        stack = np.stack([np.stack(row) for row in drawn]).astype(np.float32)
        pairs = [(i, j) for i in range(VARIATIONS) for j in range(i)]
        least = np.min([np.abs(stack[i] - stack[j]).mean(axis=(1, 2, 3)) for i, j in pairs], axis=0)
        share = float((least > DIFFERENT).mean())
        name = "four variations all differ"
        yield Figure(name=name, composed=None, drawn=share, wanted="100 %")


def judge(work: Path, count: int) -> None:
    """Print the table."""
    table = Table("rule", "composed", "drawn", "wanted")
    for figure in Judge(work, count).figures():
        form = "{:.3f}" if figure.name.startswith("distance") else "{:.1%}"
        composed = "" if figure.composed is None else form.format(figure.composed)
        table.add_row(figure.name, composed, form.format(figure.drawn), figure.wanted)
    Console().print(table)
