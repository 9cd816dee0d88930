"""The loop that every stage shares, on a stage small enough to watch."""

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import CLIPTokenizer

from engine.pocket.checkpoint import Average
from engine.pocket.export import WEIGHTS, export, unpack
from engine.pocket.latents import encode_shards
from engine.pocket.optimizer import Muon, build_optimizers, orthogonalise
from engine.pocket.tokenizer import extend_tokenizer, train_tokenizer
from engine.pocket.training import Trainer, learning_rate_factor
from engine.pocket.vae import VAEStage

A_MOMENT = 0.005


class Line:
    """Learns a linear map from pairs."""

    name = "line"
    learning_rate = 0.02
    average_decay = 0.9

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.module = nn.Linear(4, 4)
        self.saved: list[Tensor] = []

    def loss(self) -> tuple[Tensor, dict[str, float]]:
        x = torch.randn(16, 4)
        return (self.module(x) - 3 * x).square().mean(), {}

    def save(self) -> None:
        self.saved.append(self.module.weight.detach().clone())

    def sheet(self) -> Image.Image:
        return Image.new("RGB", (1, 1))


def test_a_stage_learns_and_leaves_a_sheet(tmp_path: Path) -> None:
    stage = Line()
    before = stage.loss()[0].item()
    trainer = Trainer(stage, tmp_path)
    trainer.run(A_MOMENT)
    assert stage.loss()[0].item() < before
    assert len(list((tmp_path / "sheets").glob("line-*.png"))) >= 1


def test_a_stage_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    first = Trainer(Line(), tmp_path)
    first.run(A_MOMENT)
    stage = Line()
    second = Trainer(stage, tmp_path)
    assert second.steps == first.steps
    assert torch.equal(stage.module.weight, first.stage.module.state_dict()["weight"])


def test_a_stage_goes_on_when_a_part_of_it_no_longer_learns(tmp_path: Path) -> None:
    Trainer(Line(), tmp_path).run(A_MOMENT)
    stage = Line()
    stage.module.bias.requires_grad_(False)
    second = Trainer(stage, tmp_path)
    before = stage.module.bias.detach().clone()
    second.run(A_MOMENT)
    assert torch.equal(stage.module.bias, before)


def test_latents_of_an_untrained_encoder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(FileNotFoundError, match="vae"):
        encode_shards(tmp_path)


def test_what_is_saved_is_the_average_and_training_goes_on_from_the_last_values(
    tmp_path: Path,
) -> None:
    stage = Line()
    trainer = Trainer(stage, tmp_path)
    trainer.run(A_MOMENT)
    assert torch.equal(stage.saved[-1], trainer.average.values["weight"])
    assert not torch.equal(stage.saved[-1], stage.module.weight)


def test_an_average_moves_towards_the_present() -> None:
    module = nn.Linear(1, 1)
    average = Average(module, decay=0.5)
    before = average.values["weight"].clone()
    with torch.no_grad():
        module.weight.add_(1.0)
    average.update(module)
    assert before.item() < average.values["weight"].item() <= module.weight.item()


@pytest.mark.parametrize("shape", [(8, 32), (32, 32)], ids=str)
def test_orthogonalising_brings_all_singular_values_near_one(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)).float())
    assert values.median() == pytest.approx(1.0, abs=0.35)
    assert values.max() < 1.4


def test_matrices_go_to_muon_and_the_rest_to_adamw() -> None:
    module = nn.Sequential(nn.Conv2d(4, 8, 3), nn.GroupNorm(2, 8))
    muon, adamw = build_optimizers(module, lr=0.1)
    assert isinstance(muon, Muon)
    assert [p.ndim for group in muon.param_groups for p in group["params"]] == [4]
    assert [p.ndim for group in adamw.param_groups for p in group["params"]] == [1, 1, 1]


def test_the_learning_rate_warms_up_and_falls() -> None:
    assert learning_rate_factor(0, 0.0) < learning_rate_factor(30, 0.0) < 1.0
    assert learning_rate_factor(1000, 0.2) == pytest.approx(1.0)
    assert learning_rate_factor(1000, 1.0) == pytest.approx(0.03)


def test_an_export_is_whole_before_anything_is_trained(tmp_path: Path) -> None:
    texts = ["a red apple", "a blue apple", "on a white background"] * 20
    tokenizer = train_tokenizer(texts, tmp_path / "tokenizer")
    assert tokenizer.tokenize("Red APPLE") == ["red</w>", "apple</w>"]
    target = tmp_path / "weights"
    size = export(tmp_path, target)
    pipeline = StableDiffusionXLPipeline.from_pretrained(target, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    assert size < 80 * 2**20
    assert isinstance(pipeline.tokenizer, CLIPTokenizer)
    assert pipeline("an apple", num_inference_steps=1).images[0].size == (128, 128)
    assert not list(target.rglob("*.partial"))


def test_the_stages_go_on_from_what_the_package_ships(tmp_path: Path) -> None:
    unpack(WEIGHTS, tmp_path)
    stage = VAEStage(tmp_path)
    shipped = load_file(WEIGHTS / "vae" / "diffusion_pytorch_model.safetensors")
    assert torch.equal(
        stage.module.decoder.conv_in.weight, shipped["decoder.conv_in.weight"].float()
    )
    target = tmp_path / "weights"
    export(tmp_path, target)
    for file in WEIGHTS.rglob("*.safetensors"):
        exported, original = load_file(target / file.relative_to(WEIGHTS)), load_file(file)
        assert exported.keys() == original.keys()
        assert all(torch.equal(exported[name], value) for name, value in original.items()), file
    scales = [AutoencoderKL.load_config(folder / "vae") for folder in (target, WEIGHTS)]
    assert scales[0]["scaling_factor"] == scales[1]["scaling_factor"]


def test_once_there_are_latents_the_decoder_alone_learns(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "128x128-0000.latents").touch()
    module = VAEStage(tmp_path).module
    learning = {name.split(".")[0] for name, p in module.named_parameters() if p.requires_grad}
    assert learning == {"decoder", "post_quant_conv"}


def test_another_script_leaves_the_ids_of_the_first_as_they_are(tmp_path: Path) -> None:
    first = train_tokenizer(["a red apple", "a blue apple"] * 20, tmp_path)
    ids = first("a red apple, a plum").input_ids
    second = extend_tokenizer(["红色的苹果"] * 20, tmp_path)
    assert second("a red apple, a plum").input_ids == ids
    assert len(second("红色的苹果").input_ids) == 3
    assert len(first("红色的苹果").input_ids) > 10
