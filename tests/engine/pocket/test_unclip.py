"""The image tower's view of a picture, and the UNet that draws from it."""

import numpy as np
import pytest
import torch

from engine.pocket.architecture import (
    build_base_unet,
    build_feature_extractor,
    build_unclip_unet,
)
from engine.pocket.clip import to_pixel_values
from engine.pocket.unclip import adapt


@pytest.mark.parametrize("size", [(128, 128), (112, 160), (176, 96)], ids=str)
def test_training_shows_the_image_tower_what_the_image_processor_shows(
    size: tuple[int, int],
) -> None:
    ramp = np.linspace(0, 255, size[0] * size[1] * 3).reshape(1, *size, 3).astype(np.uint8)
    exported = build_feature_extractor()(images=list(ramp), return_tensors="pt").pixel_values
    trained = to_pixel_values(ramp)
    assert trained.shape == exported.shape
    assert (trained - exported).abs().mean() < 0.02


def test_the_unclip_unet_starts_from_the_base() -> None:
    torch.manual_seed(0)
    base, unclip = build_base_unet(), build_unclip_unet()
    unclip.load_state_dict(adapt(base.state_dict(), unclip))
    ours, theirs = unclip.state_dict(), base.state_dict()
    assert torch.equal(ours["conv_in.weight"], theirs["conv_in.weight"])
    key = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"
    assert torch.equal(ours[key], theirs[key][:, :128])
    assert torch.equal(
        ours["class_embedding.linear_1.weight"], theirs["add_embedding.linear_1.weight"]
    )
