from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch

from engine.api import TextToImage
from engine.models.catalog import Catalog
from engine.models.errors import ModelError
from engine.models.layout import PULLING
from engine.models.loading import LoadedModel, load_model
from engine.models.store import ModelStore
from engine.pipelines.stopwatch import Stopwatch
from engine.pipelines.text_to_image import text_to_image
from tests.engine import tiny


@pytest.fixture
def copy(tmp_path: Path, tiny_folder: Path) -> Path:
    shutil.copytree(tiny_folder.parent, tmp_path / "model")
    return tmp_path / "model" / "base"


def make_store(base: Path, *, names: int = 1, budget_bytes: int = 2**30) -> ModelStore:
    cards = [tiny.make_card(base, name=f"tiny{index}") for index in range(names)]
    return ModelStore(
        catalog=Catalog(cards),
        models_dir=base.parent,
        device=tiny.cpu(),
        budget_bytes=budget_bytes,
    )


def test_a_model_is_loaded_once(tiny_folder: Path) -> None:
    store = make_store(tiny_folder)
    assert store.loaded == frozenset()
    first = store.get("tiny0")
    assert store.get("tiny0") is first
    assert store.loaded == {"tiny0"}


def test_components_are_in_float32_on_the_cpu_and_want_no_gradients(
    tiny_model: LoadedModel,
) -> None:
    assert tiny_model.refiner is not None
    for module in (tiny_model.vae, tiny_model.base.unet, tiny_model.refiner.unet):
        assert module.dtype == torch.float32
        assert not module.training
        assert not any(parameter.requires_grad for parameter in module.parameters())


def test_the_size_counts_every_weight(tiny_model: LoadedModel) -> None:
    assert tiny_model.refiner is not None
    parts = [tiny_model.vae, tiny_model.base.unet, tiny_model.refiner.unet]
    parameters = sum(weight.numel() for part in parts for weight in part.parameters())
    assert tiny_model.size_bytes > 4 * parameters


def test_the_end_token_is_the_tokenizers(tiny_folder: Path, copy: Path) -> None:
    config = copy / "text_encoder_2" / "config.json"
    text = config.read_text(encoding="utf-8")
    end = tiny.build_tokenizer("!").eos_token_id
    # As SDXL's own configuration has it.
    config.write_text(text.replace(f'"eos_token_id": {end}', '"eos_token_id": 2'), encoding="utf-8")
    assert config.read_text(encoding="utf-8") != text
    fixed = tiny.load(copy).prompt_encoder.encode("a cat").base.pooled_prompt_embeds
    right = tiny.load(tiny_folder).prompt_encoder.encode("a cat").base.pooled_prompt_embeds
    assert torch.equal(fixed, right)


def test_the_least_recently_used_model_leaves_when_not_all_fit(tiny_folder: Path) -> None:
    size = tiny.load(tiny_folder).size_bytes
    store = make_store(tiny_folder, names=3, budget_bytes=int(size * 2.6))
    for name in ("tiny0", "tiny1", "tiny0", "tiny2"):
        store.get(name)
    assert store.loaded == {"tiny0", "tiny2"}


def test_a_model_over_the_budget_is_loaded_alone(tiny_folder: Path) -> None:
    store = make_store(tiny_folder, names=2, budget_bytes=1)
    store.get("tiny0")
    store.get("tiny1")
    assert store.loaded == {"tiny1"}
    assert not store.evict_others("tiny1")
    assert store.evict_others("nobody")
    assert store.loaded == frozenset()


@pytest.mark.parametrize("component", ["unet", "text_encoder", "vae"])
def test_pickled_weights_are_refused(copy: Path, component: str) -> None:
    for file in (copy / component).glob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))
    with pytest.raises(ModelError, match="is a pickle"):
        make_store(copy).get("tiny0")


def test_an_incomplete_model_says_what_to_do(copy: Path) -> None:
    shutil.rmtree(copy / "vae")
    with pytest.raises(ModelError, match="Check the folder"):
        make_store(copy).get("tiny0")


def test_a_model_that_was_not_pulled_says_how_to_pull_it(tmp_path: Path) -> None:
    store = ModelStore(
        catalog=Catalog.load(), models_dir=tmp_path, device=tiny.cpu(), budget_bytes=2**30
    )
    with pytest.raises(ModelError, match="easel models pull sdxl"):
        store.get("sdxl")


def test_a_model_that_is_pulled_later_is_found_when_it_is_complete(
    tmp_path: Path, tiny_folder: Path
) -> None:
    card = tiny.make_card(Path("easel/tiny"), source="hub", refiner="easel/refiner")
    store = ModelStore(
        catalog=Catalog([card]), models_dir=tmp_path, device=tiny.cpu(), budget_bytes=2**30
    )
    with pytest.raises(ModelError, match="easel models pull tiny"):
        store.get("tiny")
    shutil.copytree(tiny_folder.parent, tmp_path / "tiny")
    (tmp_path / "tiny" / PULLING).touch()
    with pytest.raises(ModelError, match="easel models pull tiny"):
        store.get("tiny")
    (tmp_path / "tiny" / PULLING).unlink()
    assert store.get("tiny").refiner is not None


def test_damaged_weights_are_a_model_error(copy: Path) -> None:
    for file in (copy / "unet").glob("*.safetensors"):
        file.write_bytes(b"not safetensors at all")
    with pytest.raises(ModelError, match="cannot be loaded"):
        make_store(copy).get("tiny0")


def test_a_model_over_the_memory_of_a_gpu_waits_beside_it(tiny_folder: Path) -> None:
    gpu = dataclasses.replace(tiny.cpu(), count=1)
    store = ModelStore(
        catalog=Catalog([tiny.make_card(tiny_folder)]),
        models_dir=tiny_folder,
        device=gpu,
        budget_bytes=1,
    )
    model = store.get("tiny")
    assert model.is_offloaded
    assert model.size_bytes == 0
    with model.at_work(model.vae):
        assert model.vae.device == gpu.torch_device


def test_an_offloaded_model_draws_the_same(tiny_model: LoadedModel, tiny_folder: Path) -> None:
    card = tiny.make_card(tiny_folder)
    offloaded = load_model(card, tiny_folder, tiny.cpu(), is_offloaded=True)
    request = TextToImage(
        model="tiny",
        prompt="a cat",
        height=64,
        width=64,
        seed=1,
        denoising_end=0.5,
        num_inference_steps=4,
    )
    drawn = [
        text_to_image(
            model, request, seeds=[1], on_step=lambda *_: None, stopwatch=Stopwatch(model.device)
        )
        for model in (tiny_model, offloaded)
    ]
    assert torch.equal(*drawn)
