"""Our own prompt encoder: weighted text of any length to `prompt_embeds`.

Bit-equal to `StableDiffusionXLPipeline.encode_prompt` where nothing is weighted and the prompt fits
the tokenizer. Beyond that: emphasis as in `prompt_weights`, BREAK, and long prompts in chunks that
are encoded one by one and joined. The refiner reads the second encoder only, so its embeds are a
slice of the base model's and the prompt is encoded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from engine.prompt_weights import Fragment, parse_weights

PENULTIMATE = -2
"""SDXL reads the last hidden layer but one (SDXL paper, section 2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptEmbeds:
    """Prompts as a UNet reads them. S is chunks x tokens, D the width, P the pooled width."""

    prompt_embeds: torch.Tensor
    """(B, S, D)."""
    pooled_prompt_embeds: torch.Tensor
    """(B, P)."""
    negative_prompt_embeds: torch.Tensor
    """(B, S, D)."""
    negative_pooled_prompt_embeds: torch.Tensor
    """(B, P)."""

    @classmethod
    def of_rows(cls, rows: Sequence[PromptEmbeds]) -> PromptEmbeds:
        """Put equally long prompts below each other."""
        return cls(
            **{
                name: torch.cat([getattr(row, name) for row in rows])
                for name in cls.__dataclass_fields__
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedPrompt:
    """Prompts, encoded once, for both experts."""

    base: PromptEmbeds
    refiner: PromptEmbeds


@dataclass(slots=True)
class _Chunk:
    """What an encoder reads at once: tokens without the special ones, and how much each counts."""

    ids: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Tower:
    """A tokenizer with its text encoder."""

    tokenizer: Any
    text_encoder: Any

    @property
    def capacity(self) -> int:
        """Tokens of a chunk, the two special ones not counted."""
        return int(self.tokenizer.model_max_length) - 2

    def chunks(self, prompt: str) -> list[_Chunk]:
        """Tokenize a prompt; every BREAK starts a chunk. At least one chunk, maybe empty."""
        chunks: list[_Chunk] = []
        for segment in parse_weights(prompt):
            chunks.append(_Chunk())
            for fragment in segment:
                for token in self._ids(fragment):
                    if len(chunks[-1].ids) == self.capacity:
                        chunks.append(_Chunk())
                    chunks[-1].ids.append(token)
                    chunks[-1].weights.append(fragment.weight)
        return chunks

    def _ids(self, fragment: Fragment) -> list[int]:
        tokens = self.tokenizer(fragment.text, add_special_tokens=False, verbose=False)
        return list(tokens.input_ids)

    def encode(
        self, chunks: Sequence[_Chunk], layer: int
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the hidden states (1, S, D) of all chunks and the first one's pooled ones (1, P).

        The first tower has no pooled output: None.
        """
        outputs = self._run(chunks)
        hidden = outputs.hidden_states[layer]
        if any(weight != 1 for chunk in chunks for weight in chunk.weights):
            hidden = self._emphasize(hidden, chunks, layer)
        pooled = outputs[0][:1] if outputs[0].ndim == 2 else None
        return hidden.reshape(1, -1, hidden.shape[-1]), pooled

    def _run(self, chunks: Sequence[_Chunk]) -> Any:
        bos, eos = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        pad = self.tokenizer.pad_token_id
        rows = [
            [bos, *chunk.ids, eos, *[pad] * (self.capacity - len(chunk.ids))] for chunk in chunks
        ]
        input_ids = torch.tensor(rows, device=self.text_encoder.device)
        return self.text_encoder(input_ids, output_hidden_states=True)

    def _emphasize(
        self, hidden: torch.Tensor, chunks: Sequence[_Chunk], layer: int
    ) -> torch.Tensor:
        """Move each token away from what an empty prompt has in its place, by its weight.

        This keeps the words that are not weighted exactly as they were, which scaling the embeds
        (and then the mean, as AUTOMATIC1111 does) does not.
        """
        rows = [
            [1.0, *chunk.weights, *[1.0] * (self.capacity + 1 - len(chunk.weights))]
            for chunk in chunks
        ]
        weights = torch.tensor(rows, device=hidden.device, dtype=hidden.dtype).unsqueeze(-1)
        empty = self._run([_Chunk()]).hidden_states[layer]
        return torch.where(weights == 1, hidden, empty + (hidden - empty) * weights)


class PromptEncoder:
    """Encodes prompts with both of SDXL's text encoders."""

    def __init__(
        self,
        *,
        tokenizer: Any,
        text_encoder: Any,
        tokenizer_2: Any,
        text_encoder_2: Any,
        force_zeros_for_empty_prompt: bool,
        refiner_force_zeros_for_empty_prompt: bool,
    ) -> None:
        self._towers = (_Tower(tokenizer, text_encoder), _Tower(tokenizer_2, text_encoder_2))
        self._force_zeros = force_zeros_for_empty_prompt
        self._refiner_force_zeros = refiner_force_zeros_for_empty_prompt

    @property
    def modules(self) -> tuple[Any, ...]:
        """The text encoders."""
        return tuple(tower.text_encoder for tower in self._towers)

    def count_chunks(self, prompt: str, negative_prompt: str | None = None) -> int:
        """Return into how many chunks both are encoded."""
        texts = (prompt, negative_prompt or "")
        return max(len(tower.chunks(text)) for tower in self._towers for text in texts)

    def encode_rows(
        self, texts: Sequence[tuple[str, str | None]], *, clip_skip: int = 0
    ) -> EncodedPrompt:
        """Encode a prompt and a negative prompt for each row, each pair once.

        All take equally many chunks.
        """
        encoded = {text: self.encode(*text, clip_skip=clip_skip) for text in dict.fromkeys(texts)}
        rows = [encoded[text] for text in texts]
        return EncodedPrompt(
            base=PromptEmbeds.of_rows([row.base for row in rows]),
            refiner=PromptEmbeds.of_rows([row.refiner for row in rows]),
        )

    @torch.inference_mode()
    def encode(
        self, prompt: str, negative_prompt: str | None = None, *, clip_skip: int = 0
    ) -> EncodedPrompt:
        """Encode one prompt and what it should not show, padded to equally many chunks.

        Without a negative prompt its embeds are zeros where the model wants that, else those of
        "". `clip_skip` reads that many layers earlier, for the prompt only, as diffusers does.
        """
        chunks = [tower.chunks(prompt) for tower in self._towers]
        negative_chunks = [tower.chunks(negative_prompt or "") for tower in self._towers]
        count = max(len(some) for some in (*chunks, *negative_chunks))
        positive = self._encode(chunks, count, PENULTIMATE - clip_skip)
        negative = self._encode(negative_chunks, count, PENULTIMATE)
        is_empty = negative_prompt is None
        base = _embeds(positive, negative, zero_negative=is_empty and self._force_zeros)
        refiner = _embeds(
            self._slice(positive),
            self._slice(negative),
            zero_negative=is_empty and self._refiner_force_zeros,
        )
        return EncodedPrompt(base=base, refiner=refiner)

    def _encode(
        self, chunks: list[list[_Chunk]], count: int, layer: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return `prompt_embeds` (1, S, D) and `pooled_prompt_embeds` (1, P)."""
        hidden, pooled = [], None
        for tower, some in zip(self._towers, chunks, strict=True):
            padded = some + [_Chunk() for _ in range(count - len(some))]
            states, pooled = tower.encode(padded, layer)
            hidden.append(states)
        if pooled is None:
            raise TypeError("text_encoder_2 has no pooled output; it must have a projection")
        return torch.cat(hidden, dim=-1), pooled

    def _slice(
        self, embeds: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        width = self._towers[1].text_encoder.config.hidden_size
        return embeds[0][..., -width:], embeds[1]


def _embeds(
    positive: tuple[torch.Tensor, torch.Tensor],
    negative: tuple[torch.Tensor, torch.Tensor],
    *,
    zero_negative: bool,
) -> PromptEmbeds:
    if zero_negative:
        negative = (torch.zeros_like(positive[0]), torch.zeros_like(positive[1]))
    return PromptEmbeds(
        prompt_embeds=positive[0],
        pooled_prompt_embeds=positive[1],
        negative_prompt_embeds=negative[0],
        negative_pooled_prompt_embeds=negative[1],
    )
