"""The image tower's view of a picture, and the UNet that draws from it."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.pocket.architecture import (
    build_base_unet,
    build_feature_extractor,
    build_unclip_unet,
)
from engine.pocket.diffusion import DiffusionStage
from engine.pocket.embeddings import embed, embed_parents, to_pixel_values
from engine.pocket.unclip import UnCLIPStage, adapt
from tests.engine.pocket.library import make_work


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


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> UnCLIPStage:
    work = tmp_path_factory.mktemp("work")
    make_work(work, pictures=40, blends=6)
    return UnCLIPStage(work, batch=4)


def test_a_blend_is_told_of_as_the_command_tells_it(stage: UnCLIPStage) -> None:
    (bucket,) = stage.blends
    (blends,) = stage.parents.values()
    with torch.no_grad():
        told = stage._embed(bucket, [4, 0, 5])
    expected = embed_parents(stage.clip.vision, blends)[[4, 0, 5]]
    assert torch.allclose(told, expected, atol=1e-4)


def test_a_picture_is_told_of_as_the_tower_sees_it(stage: UnCLIPStage) -> None:
    stage._bucket()
    (bucket,) = stage.buckets
    with torch.no_grad():
        told = stage._embed(bucket, [7, 3])
    expected = embed(stage.clip.vision, bucket.shards[0].pixels[[7, 3]])
    assert torch.allclose(told, expected, atol=1e-4)


def test_what_is_drawn_badly_is_felt_by_the_tower_too(stage: UnCLIPStage) -> None:
    stage.module.zero_grad()
    loss, _ = DiffusionStage.loss(stage)
    loss.backward()  # type: ignore[no-untyped-call]
    for part in (stage.unet, stage.clip.vision):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
    assert all(p.grad is None for p in stage.clip.text.parameters())


def test_the_stage_leaves_the_unet_the_tower_and_the_statistics_of_its_embeddings(
    stage: UnCLIPStage,
) -> None:
    with torch.no_grad():
        stage.clip.vision.visual_projection.weight.mul_(2)
    stage.save()
    tower = load_file(stage.work / "image_encoder.safetensors")
    assert torch.equal(
        tower["visual_projection.weight"], stage.clip.vision.visual_projection.weight
    )
    statistics = load_file(stage.work / "image_normalizer.safetensors")
    embeds = embed(stage.clip.vision, stage.clip.shards[0].pixels)
    assert torch.allclose(statistics["mean"][0], embeds.mean(0), atol=1e-5)
