"""A whole SDXL checkpoint with its refiner, randomly initialised and tiny, in diffusers' format.

Every class is the real one, so what is proven on it holds for the full size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

from engine.devices import Device, find_device
from engine.models.card import ModelCard
from engine.models.loading import LoadedModel, load_model

MAX_TOKENS = 16
TEXT_WIDTH = 32
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789,.:!()[]-'\\"
SIZE = 64


def build_tokenizer(pad_token: str) -> CLIPTokenizer:
    """A token for each letter, one with and one without the end of a word."""
    tokens = ["!", *LETTERS.replace("!", ""), *(f"{letter}</w>" for letter in LETTERS)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={token: index for index, token in enumerate(tokens)},
        merges=[],
        pad_token=pad_token,
        model_max_length=MAX_TOKENS,
    )


def build_text_encoder(kind: Any, tokenizer: CLIPTokenizer) -> Any:
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=4,
        max_position_embeddings=MAX_TOKENS,
        projection_dim=TEXT_WIDTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return kind(config).eval()


def build_unet(*, text_width: int, ids: int) -> UNet2DConditionModel:
    """SDXL's: the size of the picture is told to it beside the text."""
    return build_any_unet(
        cross_attention_dim=text_width,
        transformer_layers_per_block=(1, 2),
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=ids * 8 + TEXT_WIDTH,
    )


def build_any_unet(**settings: Any) -> UNet2DConditionModel:
    """A tiny UNet of any kind: two resolutions, of which the lower reads the text."""
    return UNet2DConditionModel(
        block_out_channels=(32, 64),
        layers_per_block=2,
        sample_size=8,
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        norm_num_groups=8,
        **settings,
    ).eval()


def build_vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=64,
        scaling_factor=0.5,
    ).eval()


def build_scheduler() -> EulerDiscreteScheduler:
    """SDXL's own settings."""
    return EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        steps_offset=1,
        timestep_spacing="leading",
    )


def build_base() -> StableDiffusionXLPipeline:
    torch.manual_seed(0)
    tokenizer, tokenizer_2 = build_tokenizer("<|endoftext|>"), build_tokenizer("!")
    return StableDiffusionXLPipeline(
        vae=build_vae(),
        text_encoder=build_text_encoder(CLIPTextModel, tokenizer),
        text_encoder_2=build_text_encoder(CLIPTextModelWithProjection, tokenizer_2),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer_2,
        unet=build_unet(text_width=2 * TEXT_WIDTH, ids=6),
        scheduler=build_scheduler(),
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )


def build_refiner(base: StableDiffusionXLPipeline) -> StableDiffusionXLImg2ImgPipeline:
    torch.manual_seed(1)
    return StableDiffusionXLImg2ImgPipeline(
        vae=base.vae,
        text_encoder=None,
        tokenizer=None,
        text_encoder_2=base.text_encoder_2,
        tokenizer_2=base.tokenizer_2,
        unet=build_unet(text_width=TEXT_WIDTH, ids=5),
        scheduler=build_scheduler(),
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    )


def write_model(folder: Path) -> Path:
    """Write base and refiner as the hub has them, and return the folder of the base."""
    base = build_base()
    refiner = build_refiner(base)
    base.save_pretrained(folder / "base")
    refiner.save_pretrained(folder / "refiner")
    return folder / "base"


def make_card(base: Path, **changes: Any) -> ModelCard:
    fields: dict[str, Any] = {
        "name": "tiny",
        "title": "Tiny",
        "license": "none",
        "source": "folder",
        "base": str(base),
        "sizes": ((SIZE, SIZE),),
        "denoising_end": 0.6,
        "has_refiner": True,
    }
    return ModelCard(**(fields | changes))


def write_catalog(file: Path, base: Path) -> Path:
    """Write an operator's catalog file that names the model in `base`."""
    file.write_text(
        f"""
        [tiny]
        title = "Tiny"
        license = "none"
        source = "folder"
        base = '{base}'
        sizes = [[{SIZE}, {SIZE}]]
        denoising_end = 0.6
        has_refiner = true
        """,
        encoding="utf-8",
    )
    return file


def cpu() -> Device:
    return find_device(cpu_only=True)


def load(base: Path) -> LoadedModel:
    return load_model(make_card(base), base, cpu())
