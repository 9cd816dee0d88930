"""The shapes of the pocket model's components, in diffusers' and transformers' own classes.

Every component is SDXL's, made small: two text encoders whose hidden states are concatenated for
cross-attention, a UNet conditioned on pooled text and on size ids, and an f8 autoencoder of four
channels. This module builds untrained components; it knows neither data nor training.
"""

from typing import Any

from diffusers import (
    AutoencoderKL,
    DDPMScheduler,
    EulerDiscreteScheduler,
    UNet2DConditionModel,
)
from diffusers.pipelines.stable_diffusion import StableUnCLIPImageNormalizer
from PIL import Image
from torch import nn
from transformers import (
    CLIPImageProcessorPil,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

BASE_SIZE = 128
LATENT_SIZE = BASE_SIZE // 8
MAX_TOKENS = 32
PROJECTION_WIDTH = 192
TEXT_WIDTH = 128
TIME_ID_WIDTH = 32
VISION_SIZE = 64
REFINER_TIMESTEPS = 220
AESTHETIC_SCORE = 6.0


def build_vae() -> AutoencoderKL:
    """Build an f8 autoencoder of four latent channels with a nearly deterministic posterior."""
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(32, 48, 96, 128),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=BASE_SIZE,
        mid_block_add_attention=False,
        scaling_factor=1.0,
        force_upcast=False,
    )
    nn.init.constant_(vae.quant_conv.bias[4:], -6.0)
    return vae


def _text_config(tokenizer: CLIPTokenizer, *, width: int, layers: int) -> CLIPTextConfig:
    """Describe a text tower for a vocabulary whose special tokens are not CLIP's own."""
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        max_position_embeddings=MAX_TOKENS,
        projection_dim=PROJECTION_WIDTH,
        hidden_act="gelu",
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        # SDPA's backward is slow on a CPU; whoever loads the weights chooses for themselves.
        attn_implementation="eager",
    )


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Build the first text encoder, which learns together with the base UNet."""
    config = _text_config(tokenizer, width=TEXT_WIDTH, layers=3)
    return CLIPTextModel(config)


def build_text_encoder_2(tokenizer: CLIPTokenizer) -> CLIPTextModelWithProjection:
    """Build the second text encoder, which learns from pairs of pictures and captions."""
    config = _text_config(tokenizer, width=PROJECTION_WIDTH, layers=4)
    return CLIPTextModelWithProjection(config)


def build_image_encoder() -> CLIPVisionModelWithProjection:
    """Build the image tower that teaches the second text encoder."""
    config = CLIPVisionConfig(
        hidden_size=PROJECTION_WIDTH,
        intermediate_size=4 * PROJECTION_WIDTH,
        num_hidden_layers=4,
        num_attention_heads=PROJECTION_WIDTH // 32,
        image_size=VISION_SIZE,
        patch_size=8,
        projection_dim=PROJECTION_WIDTH,
        hidden_act="gelu",
        attn_implementation="eager",
    )
    return CLIPVisionModelWithProjection(config)


def build_feature_extractor() -> CLIPImageProcessorPil:
    """Build what shrinks pictures for the image tower: by averaging, to -1 to 1."""
    return CLIPImageProcessorPil(
        size={"shortest_edge": VISION_SIZE},
        crop_size={"height": VISION_SIZE, "width": VISION_SIZE},
        resample=Image.Resampling.BOX,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )


def build_image_normalizer() -> StableUnCLIPImageNormalizer:
    """Build what holds the mean and the deviation of image embeddings."""
    return StableUnCLIPImageNormalizer(embedding_dim=PROJECTION_WIDTH)


def _build_unet(
    widths: tuple[int, int, int], *, text_width: int, **conditioning: Any
) -> UNet2DConditionModel:
    """Build a three-level UNet whose two lower levels attend to the text."""
    return UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=4,
        out_channels=4,
        block_out_channels=widths,
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 1, 1),
        # diffusers reads this as the number of heads, whatever its name says.
        attention_head_dim=tuple(width // 32 for width in widths),
        cross_attention_dim=text_width,
        use_linear_projection=True,
        norm_num_groups=16,
        **conditioning,
    )


def _text_time(ids: int) -> dict[str, Any]:
    """Describe SDXL's conditioning on pooled text and a few numbers."""
    return {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": TIME_ID_WIDTH,
        "projection_class_embeddings_input_dim": ids * TIME_ID_WIDTH + PROJECTION_WIDTH,
    }


def build_base_unet() -> UNet2DConditionModel:
    """Build the base UNet: both text encoders, six size ids."""
    return _build_unet((64, 128, 192), text_width=TEXT_WIDTH + PROJECTION_WIDTH, **_text_time(6))


def build_refiner_unet() -> UNet2DConditionModel:
    """Build the refiner: the second text encoder only, four size ids and an aesthetic score."""
    return _build_unet((64, 96, 128), text_width=PROJECTION_WIDTH, **_text_time(5))


def build_unclip_unet() -> UNet2DConditionModel:
    """Build the unCLIP UNet: the first text encoder, an image embedding and its noise level."""
    return _build_unet(
        (64, 128, 192),
        text_width=TEXT_WIDTH,
        class_embed_type="projection",
        projection_class_embeddings_input_dim=2 * PROJECTION_WIDTH,
    )


def build_noising_scheduler() -> DDPMScheduler:
    """Build the schedule that image embeddings are noised by, as Stable unCLIP's is."""
    return DDPMScheduler(num_train_timesteps=1000, beta_schedule="squaredcos_cap_v2")


def build_scheduler() -> EulerDiscreteScheduler:
    """Build the sampler; a terminal SNR of zero is what lets plain backgrounds be plain."""
    return EulerDiscreteScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )
