"""The image tower's view of a picture, and the UNet that draws from it."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.image_encoder import blend
from engine.pocket.architecture import (
    build_base_unet,
    build_feature_extractor,
    build_unclip_unet,
)
from engine.pocket.blends import open_blends
from engine.pocket.embeddings import embed, to_pixel_values
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
    made = UnCLIPStage(work)
    made.batch = 4
    return made


def test_a_blend_is_told_of_as_the_command_tells_it(stage: UnCLIPStage) -> None:
    (bucket,) = stage.blends
    (shard,) = bucket.shards
    blends = open_blends(shard)
    encoder = stage.components["image_encoder"]
    for i in range(len(shard.captions)):
        shares = blends.shares[i][blends.shares[i] > 0]
        parents = embed(encoder, blends.parents[i, : len(shares)])
        told = stage._read(shard)[i]
        assert torch.allclose(told, blend(parents, shares.tolist())[0], atol=0.1)


def test_a_picture_is_told_of_as_the_tower_sees_it(stage: UnCLIPStage) -> None:
    (bucket,) = stage.buckets
    (shard,) = bucket.shards
    expected = embed(stage.components["image_encoder"], shard.pixels)
    assert torch.allclose(stage._read(shard), expected, atol=0.1)


def test_the_unet_learns_and_nothing_else(stage: UnCLIPStage) -> None:
    loss, _ = stage.loss()
    loss.backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None for p in stage.module.class_embedding.parameters())
    for part in ("image_encoder", "text_encoder"):
        assert all(p.grad is None for p in stage.components[part].parameters())


def test_the_stage_leaves_the_unet_and_the_statistics_of_embeddings(stage: UnCLIPStage) -> None:
    with torch.no_grad():
        stage.module.conv_in.weight.mul_(2)
    stage.save()
    unet = load_file(stage.work / "unclip.safetensors")
    assert torch.equal(unet["conv_in.weight"], stage.module.conv_in.weight)
    (shard,) = stage.buckets[0].shards
    statistics = load_file(stage.work / "image_normalizer.safetensors")
    assert torch.allclose(statistics["mean"][0], stage._read(shard).mean(0), atol=1e-5)
    assert torch.allclose(statistics["std"][0], stage._read(shard).std(0), atol=1e-5)
