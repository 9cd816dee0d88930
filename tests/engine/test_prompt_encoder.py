from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline

from engine.models.loading import LoadedModel
from engine.prompt_encoder import PromptEmbeds, PromptEncoder
from tests.engine import tiny

LONG = "a long row of words that has more letters than the tokenizer takes"


@pytest.fixture(scope="module")
def encoder(tiny_model: LoadedModel) -> PromptEncoder:
    return tiny_model.prompt_encoder


@pytest.fixture(scope="module")
def stock(tiny_folder: Path) -> StableDiffusionXLPipeline:
    return StableDiffusionXLPipeline.from_pretrained(tiny_folder, add_watermarker=False)


def fields(embeds: PromptEmbeds) -> list[torch.Tensor]:
    """In the order in which diffusers returns them."""
    return [
        embeds.prompt_embeds,
        embeds.negative_prompt_embeds,
        embeds.pooled_prompt_embeds,
        embeds.negative_pooled_prompt_embeds,
    ]


@pytest.mark.parametrize("negative_prompt", [None, "", "a dog"])
@pytest.mark.parametrize("prompt", ["a cat", "a red cat", "", "!"])
@pytest.mark.parametrize("clip_skip", [None, 1])
def test_an_unweighted_prompt_is_bit_equal_to_diffusers(
    encoder: PromptEncoder,
    stock: StableDiffusionXLPipeline,
    prompt: str,
    negative_prompt: str | None,
    clip_skip: int | None,
) -> None:
    with torch.no_grad():
        expected = stock.encode_prompt(
            prompt, negative_prompt=negative_prompt, clip_skip=clip_skip, device="cpu"
        )
    encoded = encoder.encode(prompt, negative_prompt, clip_skip=clip_skip or 0)
    for ours, theirs in zip(fields(encoded.base), expected, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("negative_prompt", [None, "a dog"])
def test_the_refiners_embeds_are_bit_equal_to_its_own_encoding(
    encoder: PromptEncoder, tiny_folder: Path, negative_prompt: str | None
) -> None:
    refiner = StableDiffusionXLImg2ImgPipeline.from_pretrained(
        tiny_folder.with_name("refiner"), add_watermarker=False
    )
    with torch.no_grad():
        expected = refiner.encode_prompt("a cat", negative_prompt=negative_prompt, device="cpu")
    encoded = encoder.encode("a cat", negative_prompt)
    for ours, theirs in zip(fields(encoded.refiner), expected, strict=True):
        assert torch.equal(ours, theirs)


def test_a_weight_of_one_changes_nothing(encoder: PromptEncoder) -> None:
    plain, weighted = encoder.encode("a cat"), encoder.encode("a (cat:1.0)")
    assert torch.equal(plain.base.prompt_embeds, weighted.base.prompt_embeds)


def test_a_weight_moves_its_own_tokens_only(encoder: PromptEncoder) -> None:
    plain = encoder.encode("a cat").base.prompt_embeds
    weighted = encoder.encode("a (cat:1.5)").base.prompt_embeds
    moved = (plain - weighted).abs().amax(dim=(0, 2)) > 0
    # The start token and "a" stay, three letters move, and so does nothing behind them.
    assert moved.tolist() == [False] * 2 + [True] * 3 + [False] * (tiny.MAX_TOKENS - 5)


def test_a_weight_of_zero_leaves_what_an_empty_prompt_has(encoder: PromptEncoder) -> None:
    empty = encoder.encode("").base.prompt_embeds
    nothing = encoder.encode("(cat:0)").base.prompt_embeds
    assert torch.allclose(nothing[:, 1:4], empty[:, 1:4])


def test_a_greater_weight_moves_further(encoder: PromptEncoder) -> None:
    plain = encoder.encode("cat").base.prompt_embeds
    distances = [
        (encoder.encode(f"(cat:{weight})").base.prompt_embeds - plain).norm()
        for weight in (1.1, 1.3, 1.6)
    ]
    assert distances == sorted(distances)


def test_long_prompts_are_read_in_chunks_and_the_negative_is_padded(
    encoder: PromptEncoder,
) -> None:
    encoded = encoder.encode(LONG, "a dog").base
    chunks = encoded.prompt_embeds.shape[1] // tiny.MAX_TOKENS
    assert chunks > 2
    assert encoded.prompt_embeds.shape == encoded.negative_prompt_embeds.shape
    short = encoder.encode("a cat", "a dog").base.negative_prompt_embeds
    assert torch.allclose(
        encoded.negative_prompt_embeds[:, : tiny.MAX_TOKENS], short, rtol=0, atol=1e-6
    )


def test_a_long_negative_pads_the_prompt(encoder: PromptEncoder) -> None:
    encoded = encoder.encode("a cat", LONG).base
    assert encoded.prompt_embeds.shape == encoded.negative_prompt_embeds.shape


def test_break_starts_a_chunk(encoder: PromptEncoder) -> None:
    joined = encoder.encode("a cat BREAK a dog").base.prompt_embeds
    assert joined.shape[1] == 2 * tiny.MAX_TOKENS
    dog = encoder.encode("a dog").base.prompt_embeds
    assert torch.allclose(joined[:, tiny.MAX_TOKENS :], dog, rtol=0, atol=1e-6)


def test_the_pooled_embeds_are_the_first_chunks(encoder: PromptEncoder) -> None:
    joined = encoder.encode("a cat BREAK a dog").base.pooled_prompt_embeds
    alone = encoder.encode("a cat").base.pooled_prompt_embeds
    assert torch.allclose(joined, alone, rtol=0, atol=1e-6)
