"""What a variation keeps of its picture, on the built-in model: less, the more is drawn anew."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from engine.api import ImageToImage, TextToImage, WorkItem
from engine.devices import find_device
from engine.models.catalog import Catalog
from engine.models.store import ModelStore
from engine.painter import Painter

PROMPT = "a red apple on a blue background"
STEPS = 10


def draw(painter: Painter, item: WorkItem) -> np.ndarray:
    """Return the pictures (B, H, W, 3), 0 to 255."""
    drawing = painter.draw(item, report=lambda *_: None, is_stopped=lambda: False)
    images = [Image.open(io.BytesIO(picture.png)) for picture in drawing.pictures]
    return np.stack([np.asarray(image, dtype=np.float32) for image in images])


def green_card() -> bytes:
    """Return a picture that has nothing of the prompt."""
    out = io.BytesIO()
    Image.new("RGB", (128, 128), (40, 200, 60)).save(out, "PNG")
    return out.getvalue()


def test_a_variation_keeps_more_of_its_picture_the_less_is_drawn_anew(tmp_path: Path) -> None:
    painter = Painter(
        ModelStore(
            catalog=Catalog.load(),
            models_dir=tmp_path,
            device=find_device(cpu_only=True),
            budget_bytes=2**33,
        )
    )
    source = green_card()
    sha256 = hashlib.sha256(source).hexdigest()

    def greenness(strength: float) -> float:
        request = ImageToImage(
            model="pocket",
            prompt=PROMPT,
            height=128,
            width=128,
            seed=3,
            num_images=2,
            num_inference_steps=STEPS,
            image=sha256,
            strength=strength,
        )
        item = WorkItem(job_id=1, fence=1, request=request, blobs={sha256: source})
        mean = draw(painter, item).mean(axis=(0, 1, 2))
        return float(mean[1] - (mean[0] + mean[2]) / 2)

    plain = TextToImage(
        model="pocket",
        prompt=PROMPT,
        height=128,
        width=128,
        seed=3,
        num_images=2,
        num_inference_steps=STEPS,
    )
    fresh = draw(painter, WorkItem(job_id=1, fence=1, request=plain)).mean(axis=(0, 1, 2))
    little, much = greenness(0.2), greenness(0.6)
    assert little > much > fresh[1] - (fresh[0] + fresh[2]) / 2
