"""The best of several drawings of a blend, as the image encoder sees them.

What lies between pictures says of each of them only a part, and a decoder now and then draws one of
them twice, or something else. So several candidates are drawn, and the encoder chooses, as CLIP
chose among DALL-E's drawings (Ramesh et al. 2021, arXiv 2102.12092, section 2.6).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from PIL import Image
from torch.nn.functional import normalize

from engine.batch import Job, Row
from engine.image_encoder import ImageEncoder, blend
from engine.models.loading import LoadedModel


def keep_best(model: LoadedModel, job: Job) -> list[Row]:
    """Return a row for each picture: of its candidates the one that lacks least of any parent."""
    rows = list(job.images)
    if job.request.num_candidates > 1:
        lacks = dict(zip(rows, _lacks(model, job), strict=True))
        rows.sort(key=lambda row: lacks[row])
    best: dict[int, Row] = {}
    for row in rows:
        best.setdefault(row.image_index, row)
    return [best[index] for index in sorted(best)]


def _lacks(model: LoadedModel, job: Job) -> list[float]:
    """Return how much of a parent is missing in each picture, of the parent that misses most.

    What lies between the parents has a cosine with each of them, the higher the more that one
    weighs; a picture lacks what its own cosine falls short of it.
    """
    condition = job.request.image_prompt
    if model.image_prompts is None or condition is None:
        raise ValueError("candidates were drawn of no blend")
    encoder = model.image_prompts.image_encoder
    with model.at_work(encoder.model):
        parents = _look(encoder, (job.opened[one.image] for one in condition.images))
        drawn = _look(encoder, job.images.values())
    between = blend(parents, [weighted.weight for weighted in condition.images])
    parents, drawn, between = (normalize(embeds, dim=-1) for embeds in (parents, drawn, between))
    lacks: list[float] = ((between - drawn) @ parents.T).amax(1).tolist()
    return lacks


def _look(encoder: ImageEncoder, images: Iterable[Image.Image]) -> torch.Tensor:
    """Return embeddings (N, D), float32."""
    return torch.cat([encoder.image_embeds(image) for image in images])
