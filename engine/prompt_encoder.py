"""Our own prompt encoder: weighted text of any length to `prompt_embeds`.

Bit-equal to `encode_prompt` of the stock pipelines where nothing is weighted and the prompt fits
the tokenizer. Beyond that: emphasis as in `prompt_weights`, BREAK, and long prompts in chunks that
are encoded one by one and joined. SDXL's refiner reads the second encoder only, which the base
model reads too, so the prompt is encoded once for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from engine.prompt_weights import Fragment, parse_weights

POOLED_AT_ONCE = 256


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


@dataclass(frozen=True, slots=True, eq=False)
class Tower:
    """A tokenizer with its text encoder."""

    tokenizer: Any
    text_encoder: Any
    reads_last_layer: bool = False
    """Whether the UNet was trained on the last layer, normalised, as Stable Diffusion 2's was.

    SDXL's was trained on the one before it, as it is (SDXL paper, section 2.1)."""

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

    def encode(self, chunks: Sequence[_Chunk], clip_skip: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the hidden states (1, S, D) of all chunks and the first one's pooled ones (1, P).

        The pooled ones are projected where the encoder has a projection.
        """
        outputs = self._run(chunks)
        hidden = self._read(outputs, clip_skip)
        if any(weight != 1 for chunk in chunks for weight in chunk.weights):
            hidden = self._emphasize(hidden, chunks, clip_skip)
        return hidden.reshape(1, -1, hidden.shape[-1]), self._pooled(outputs)[:1]

    def pooled(self, texts: Sequence[str]) -> torch.Tensor:
        """Return each text's pooled embedding, the mean of its chunks': (N, P), float32, CPU."""
        chunks = [self.chunks(text) for text in texts]
        rows = [chunk for some in chunks for chunk in some]
        batches = [
            rows[start : start + POOLED_AT_ONCE] for start in range(0, len(rows), POOLED_AT_ONCE)
        ]
        embeds = torch.cat([self._pooled(self._run(batch)).float().cpu() for batch in batches])
        per_text = torch.split(embeds, [len(some) for some in chunks])
        return torch.stack([some.mean(0) for some in per_text])

    def _pooled(self, outputs: Any) -> torch.Tensor:
        pooled: torch.Tensor = outputs[0] if outputs[0].ndim == 2 else outputs.pooler_output
        return pooled

    def _read(self, outputs: Any, clip_skip: int) -> torch.Tensor:
        """Return the hidden states (chunks, S, D) that the UNet was trained on, or earlier ones."""
        if self.reads_last_layer:
            normalised: torch.Tensor = self.text_encoder.final_layer_norm(
                outputs.hidden_states[-1 - clip_skip]
            )
            return normalised
        states: torch.Tensor = outputs.hidden_states[-2 - clip_skip]
        return states

    def _run(self, chunks: Sequence[_Chunk]) -> Any:
        bos, eos = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        pad = self.tokenizer.pad_token_id
        rows = [
            [bos, *chunk.ids, eos, *[pad] * (self.capacity - len(chunk.ids))] for chunk in chunks
        ]
        input_ids = torch.tensor(rows, device=self.text_encoder.device)
        return self.text_encoder(input_ids, output_hidden_states=True)

    def _emphasize(
        self, hidden: torch.Tensor, chunks: Sequence[_Chunk], clip_skip: int
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
        empty = self._read(self._run([_Chunk()]), clip_skip)
        return torch.where(weights == 1, hidden, empty + (hidden - empty) * weights)


class PromptEncoder:
    """Encodes prompts with the text encoders that a base model reads, and those of its refiner."""

    def __init__(
        self,
        *,
        base: Sequence[Tower],
        refiner: Sequence[Tower],
        force_zeros_for_empty_prompt: bool,
        refiner_force_zeros_for_empty_prompt: bool,
    ) -> None:
        self.base = tuple(base)
        self.refiner = tuple(refiner)
        self._towers = tuple(dict.fromkeys([*base, *refiner]))
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

    def for_unclip(self) -> PromptEncoder:
        """Return what encodes for an unCLIP decoder beside this model, and for its refiner.

        The stock pipeline of unCLIP reads the first text encoder's last layer, and an empty text
        where nothing is said against.
        """
        return PromptEncoder(
            base=[replace(self.base[0], reads_last_layer=True)],
            refiner=self.refiner,
            force_zeros_for_empty_prompt=False,
            refiner_force_zeros_for_empty_prompt=self._refiner_force_zeros,
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
        positive = self._encode(chunks, count, clip_skip)
        negative = self._encode(negative_chunks, count, 0)
        is_empty = negative_prompt is None
        return EncodedPrompt(
            base=_embeds(
                [positive[tower] for tower in self.base],
                [negative[tower] for tower in self.base],
                zero_negative=is_empty and self._force_zeros,
            ),
            refiner=_embeds(
                [positive[tower] for tower in self.refiner],
                [negative[tower] for tower in self.refiner],
                zero_negative=is_empty and self._refiner_force_zeros,
            ),
        )

    def _encode(
        self, chunks: list[list[_Chunk]], count: int, clip_skip: int
    ) -> dict[Tower, _Embeds]:
        """Return what every tower says of its chunks, each padded to `count` of them."""
        return {
            tower: tower.encode(some + [_Chunk() for _ in range(count - len(some))], clip_skip)
            for tower, some in zip(self._towers, chunks, strict=True)
        }


_Embeds = tuple[torch.Tensor, torch.Tensor]
"""Hidden states (1, S, D) and pooled ones (1, P)."""


def _embeds(
    positive: Sequence[_Embeds], negative: Sequence[_Embeds], *, zero_negative: bool
) -> PromptEmbeds:
    """Join what several towers say; the pooled output is the last one's."""
    hidden, negative_hidden = (
        torch.cat([states for states, _ in some], dim=-1) for some in (positive, negative)
    )
    pooled, negative_pooled = positive[-1][1], negative[-1][1]
    if zero_negative:
        negative_hidden, negative_pooled = torch.zeros_like(hidden), torch.zeros_like(pooled)
    return PromptEmbeds(
        prompt_embeds=hidden,
        pooled_prompt_embeds=pooled,
        negative_prompt_embeds=negative_hidden,
        negative_pooled_prompt_embeds=negative_pooled,
    )
