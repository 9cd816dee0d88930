"""What a picture shows, in the words of a captioning model: BLIP (arXiv 2201.12086)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoTokenizer, BlipForConditionalGeneration

from engine.devices import Device
from engine.models.card import ModelCard
from engine.models.components import ComponentLoader

PROMPTS = 4
MAX_NEW_TOKENS = 40
_BEAMS = 4
_TRIES = 4
"""How often four more captions are drawn where some were the same."""


class Captioner:
    """BLIP, ready to write."""

    def __init__(
        self, card: ModelCard, model: Any, tokenizer: Any, preprocessing: dict[str, Any]
    ) -> None:
        """`preprocessing` is the contents of a `preprocessor_config.json`."""
        self.card = card
        self.model = model
        self._tokenizer = tokenizer
        self._preprocessing = preprocessing
        tensors = model.state_dict().values()
        self.size_bytes: int = sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    @torch.inference_mode()
    def describe(self, image: Image.Image, *, seed: int) -> list[str]:
        """Return up to four captions: the likeliest first, then others drawn from `seed`."""
        pixels = self._pixels(image).to(self.model.device, self.model.dtype)
        captions = dict.fromkeys(self._write(pixels, num_beams=_BEAMS))
        # Sampling takes no generator; the state that it draws from is put back.
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            for _ in range(_TRIES):
                if len(captions) >= PROMPTS:
                    break
                drawn = self._write(pixels, do_sample=True, top_p=0.9, num_return_sequences=PROMPTS)
                captions.update(dict.fromkeys(drawn))
        return list(captions)[:PROMPTS]

    def _write(self, pixels: torch.Tensor, **how: Any) -> list[str]:
        ids = self.model.generate(pixel_values=pixels, max_new_tokens=MAX_NEW_TOKENS, **how)
        texts = self._tokenizer.batch_decode(ids, skip_special_tokens=True)
        return [text for text in (" ".join(text.split()) for text in texts) if text]

    def _pixels(self, image: Image.Image) -> torch.Tensor:
        """Return the whole picture as (1, 3, H, W), float32, normalised, whatever its shape was."""
        size = self._preprocessing["size"]
        resample = Image.Resampling(self._preprocessing["resample"])
        fitted = image.convert("RGB").resize((size["width"], size["height"]), resample)
        values = np.asarray(fitted, dtype=np.float32) / 255
        mean, std = (
            np.asarray(self._preprocessing[name], np.float32)
            for name in ("image_mean", "image_std")
        )
        return torch.from_numpy((values - mean) / std).permute(2, 0, 1).unsqueeze(0)


def load_captioner(card: ModelCard, folder: Path, device: Device) -> Captioner:
    """Load the captioner in `folder`."""
    loader = ComponentLoader(device=device, variant=card.variant or None, is_offloaded=False)
    return Captioner(
        card,
        loader.transformers(BlipForConditionalGeneration, folder),
        AutoTokenizer.from_pretrained(folder, local_files_only=True),
        json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8")),
    )
