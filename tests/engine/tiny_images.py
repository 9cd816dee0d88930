"""What draws from pictures, randomly initialised and tiny, in the formats of the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler, StableUnCLIPImg2ImgPipeline, UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import (
    StableUnCLIPImageNormalizer,
)
from PIL import Image
from safetensors.torch import save_file
from transformers import (
    CLIPImageProcessorPil,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from engine.models.card import ModelCard, ModelKind
from tests.engine import tiny

VISION_SIZE = 32
VISION_WIDTH = 32
PROJECTION_WIDTH = 16
ADAPTER_TOKENS = 4


def build_image_encoder() -> CLIPVisionModelWithProjection:
    config = CLIPVisionConfig(
        hidden_size=VISION_WIDTH,
        intermediate_size=37,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=VISION_SIZE,
        patch_size=8,
        projection_dim=PROJECTION_WIDTH,
    )
    return CLIPVisionModelWithProjection(config).eval()


def build_feature_extractor() -> CLIPImageProcessorPil:
    return CLIPImageProcessorPil(
        size={"shortest_edge": VISION_SIZE},
        crop_size={"height": VISION_SIZE, "width": VISION_SIZE},
    )


def build_unclip_unet() -> UNet2DConditionModel:
    """Stable unCLIP's: as Stable Diffusion 2's, with the picture in place of a class."""
    return tiny.build_any_unet(
        cross_attention_dim=tiny.TEXT_WIDTH,
        class_embed_type="projection",
        projection_class_embeddings_input_dim=2 * PROJECTION_WIDTH,
    )


def build_image_normalizer() -> StableUnCLIPImageNormalizer:
    normalizer = StableUnCLIPImageNormalizer(embedding_dim=PROJECTION_WIDTH)
    normalizer.mean.data = torch.randn(1, PROJECTION_WIDTH) / 10
    normalizer.std.data = 1 + torch.rand(1, PROJECTION_WIDTH) / 10
    return normalizer


def build_unclip() -> StableUnCLIPImg2ImgPipeline:
    torch.manual_seed(2)
    tokenizer = tiny.build_tokenizer("!")
    return StableUnCLIPImg2ImgPipeline(
        feature_extractor=build_feature_extractor(),
        image_encoder=build_image_encoder(),
        image_normalizer=build_image_normalizer(),
        image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        tokenizer=tokenizer,
        text_encoder=tiny.build_text_encoder(CLIPTextModel, tokenizer),
        unet=build_unclip_unet(),
        scheduler=tiny.build_scheduler(),
        vae=tiny.build_vae(),
    )


def make_unclip_card(base: Path, **changes: Any) -> ModelCard:
    fields: dict[str, Any] = {
        "name": "unclip",
        "title": "Tiny unCLIP",
        "kind": ModelKind.UNCLIP,
        "license": "none",
        "source": "folder",
        "base": str(base),
        "sizes": ((tiny.SIZE, tiny.SIZE),),
    }
    return ModelCard(**(fields | changes))


def write_unclip_beside(base: Path) -> None:
    """Give the SDXL checkpoint in `base` an unCLIP decoder of its own, as the built-in one has."""
    torch.manual_seed(3)
    folder = base.with_name("unclip")
    build_unclip_unet().save_pretrained(folder / "unet")
    build_image_encoder().save_pretrained(folder / "image_encoder")
    build_feature_extractor().save_pretrained(folder / "feature_extractor")
    build_image_normalizer().save_pretrained(folder / "image_normalizer")
    DDPMScheduler(beta_schedule="squaredcos_cap_v2").save_pretrained(
        folder / "image_noising_scheduler"
    )
    tiny.build_scheduler().save_pretrained(folder / "scheduler")


def build_ip_adapter(unet: UNet2DConditionModel, *, is_plus: bool) -> dict[str, torch.Tensor]:
    """Weights for a UNet under the names that the hub's files have."""
    width = unet.config.cross_attention_dim
    weights: dict[str, torch.Tensor] = {}

    def linear(name: str, out: int, into: int, *, bias: bool = True) -> None:
        weights[f"{name}.weight"] = torch.randn(out, into) * into**-0.5
        if bias:
            weights[f"{name}.bias"] = torch.zeros(out)

    def norm(name: str, size: int) -> None:
        weights[f"{name}.weight"], weights[f"{name}.bias"] = torch.ones(size), torch.zeros(size)

    if is_plus:
        weights["image_proj.latents"] = torch.randn(1, ADAPTER_TOKENS, width)
        linear("image_proj.proj_in", width, VISION_WIDTH)
        linear("image_proj.proj_out", width, width)
        norm("image_proj.norm_out", width)
        for depth in range(4):
            attention, feed = (f"image_proj.layers.{depth}.{part}" for part in (0, 1))
            norm(f"{attention}.norm1", width)
            norm(f"{attention}.norm2", width)
            linear(f"{attention}.to_q", 64, width, bias=False)
            linear(f"{attention}.to_kv", 128, width, bias=False)
            linear(f"{attention}.to_out", width, 64, bias=False)
            norm(f"{feed}.0", width)
            linear(f"{feed}.1", 4 * width, width, bias=False)
            linear(f"{feed}.3", width, 4 * width, bias=False)
    else:
        linear("image_proj.proj", ADAPTER_TOKENS * width, PROJECTION_WIDTH)
        norm("image_proj.norm", width)
    crossing = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    for index, name in enumerate(crossing):
        module: Any = unet.get_submodule(name.removesuffix(".processor"))
        hidden = module.to_q.out_features
        linear(f"ip_adapter.{2 * index + 1}.to_k_ip", hidden, width, bias=False)
        linear(f"ip_adapter.{2 * index + 1}.to_v_ip", hidden, width, bias=False)
    return weights


def write_ip_adapter(folder: Path, unet: UNet2DConditionModel, *, is_plus: bool) -> ModelCard:
    """Write an adapter with another one for characters, and return its card."""
    torch.manual_seed(4)
    folder.mkdir(parents=True)
    for name in ("plus", "face"):
        save_file(build_ip_adapter(unet, is_plus=is_plus), folder / f"{name}.safetensors")
    build_image_encoder().save_pretrained(folder / "image_encoder")
    return ModelCard(
        name="adapter",
        title="Tiny IP-Adapter",
        kind=ModelKind.IP_ADAPTER,
        license="none",
        source="folder",
        base=str(folder),
        weight_name="plus.safetensors",
        character_weight_name="face.safetensors",
        image_encoder_folder="image_encoder",
    )


def write_blip(folder: Path) -> ModelCard:
    """Write a captioner that writes nonsense, and return its card."""
    from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration

    torch.manual_seed(5)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]"]
    words += ["a", "red", "cat", "on", "the", "sofa", "dog", "blue"]
    folder.mkdir(parents=True)
    vocabulary = {word: index for index, word in enumerate(words)}
    BertTokenizer(vocab=vocabulary, additional_special_tokens=["[DEC]"]).save_pretrained(folder)
    config = BlipConfig(
        text_config={
            "vocab_size": len(words),
            "hidden_size": 32,
            "encoder_hidden_size": 32,
            "intermediate_size": 37,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": 64,
            "bos_token_id": 5,
            "eos_token_id": 3,
            "sep_token_id": 3,
            "pad_token_id": 0,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 37,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": 32,
            "patch_size": 8,
        },
        projection_dim=16,
    )
    model = BlipForConditionalGeneration(config)
    # Untrained, it would mostly say nothing.
    model.text_decoder.cls.predictions.bias.data[: words.index("a")] = -1.0
    model.save_pretrained(folder)
    preprocessing = {
        "size": {"height": 32, "width": 32},
        "resample": 3,
        "image_mean": [0.5] * 3,
        "image_std": [0.25] * 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing), encoding="utf-8")
    return ModelCard(
        name="blip",
        title="BLIP",
        kind=ModelKind.CAPTIONER,
        license="none",
        source="folder",
        base=str(folder),
    )


def noise_image(seed: int, width: int = 48, height: int = 40) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)
