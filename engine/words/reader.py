"""The reader: a picture or a prompt in, words out.

It knows models and words, and nothing of processes or pipes, as the painter does of pictures.

Errors::

    RequestError            asks what the model cannot do
    UnknownModelError       names no model of the catalog
    ModelError              names a model that cannot be loaded
    ImageRefusedError       the picture cannot be decoded
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image

from engine.api import Answer, Describe, Described, RequestError, Shorten
from engine.images import open_image
from engine.models.card import ModelKind
from engine.models.loading import LoadedModel
from engine.models.store import ModelStore
from engine.models.unclip import UnCLIP
from engine.pipelines.stopwatch import Stopwatch
from engine.words.shorten import shorten
from engine.words.vocabulary import SOURCE, Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of a request."""

    answer: Answer
    timings: dict[str, float]
    """Seconds by stage: load, read, total."""


class Reader:
    """Answers requests in words, one at a time."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._vocabulary: tuple[LoadedModel, Vocabulary] | None = None

    def read(self, request: Describe | Shorten, blobs: Mapping[str, bytes]) -> Reading:
        """Answer a request; `blobs` are the pictures that it names, by sha256."""
        started = time.perf_counter()
        stopwatch = Stopwatch(self._store.device)
        match request:
            case Describe():
                answer: Answer = self._describe(request, blobs, stopwatch)
            case Shorten():
                answer = self._shorten(request, stopwatch)
        timings = stopwatch.seconds | {"total": time.perf_counter() - started}
        return Reading(answer=answer, timings=timings)

    def _describe(
        self, request: Describe, blobs: Mapping[str, bytes], stopwatch: Stopwatch
    ) -> Described:
        data = blobs.get(request.image)
        if data is None or hashlib.sha256(data).hexdigest() != request.image:
            raise RequestError("image", "did not come with the request, or came damaged")
        image = open_image(data)
        card = self._store.catalog[request.model]
        if card.kind is ModelKind.CAPTIONER:
            with stopwatch("load"):
                captioner = self._store.captioner(request.model)
            with stopwatch("read"):
                prompts = captioner.describe(image, seed=request.seed)
            source = card.title
        else:
            prompts = self._retrieve(request, image, stopwatch)
            source = SOURCE
        return Described(prompts=prompts, width=image.width, height=image.height, source=source)

    def _retrieve(self, request: Describe, image: Image.Image, stopwatch: Stopwatch) -> list[str]:
        card = self._store.catalog[request.model]
        if card.source != "builtin":
            raise RequestError("model", f"{card.title} has no words for pictures; name another")
        with stopwatch("load"):
            model = self._store.get(request.model, images=True)
        if not isinstance(model.image_prompts, UnCLIP):
            raise RequestError("model", f"{card.title} does not read pictures; name another")
        tower, encoder = model.prompt_encoder.base[-1], model.image_prompts.image_encoder
        with stopwatch("read"), model.at_work(tower.text_encoder, encoder.model):
            if self._vocabulary is None or self._vocabulary[0] is not model:
                self._vocabulary = model, Vocabulary(tower, encoder)
            return self._vocabulary[1].describe(image, seed=request.seed)

    def _shorten(self, request: Shorten, stopwatch: Stopwatch) -> Answer:
        with stopwatch("load"):
            model = self._store.get(request.model)
        tower = model.prompt_encoder.base[-1]
        with stopwatch("read"), model.at_work(tower.text_encoder):
            return shorten(tower, request.prompt)
