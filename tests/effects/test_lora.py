"""LoRAs: what they add is seen, grows with the weight, and leaves no trace."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.api import LoraWeight, RequestError
from engine.models.errors import ModelError
from engine.models.loading import LoadedModel
from tests.effects.easel import Easel
from tests.effects.measures import distance, redness

RED = "a red apple on a white background"
GREEN = "a green apple on a white background"


@pytest.fixture(scope="module")
def easel(tmp_path_factory: pytest.TempPathFactory) -> Easel:
    """The built-in model beside a folder with two LoRAs, and files that are none."""
    models_dir = tmp_path_factory.mktemp("models")
    easel = Easel(models_dir=models_dir)
    folder = models_dir / "loras"
    folder.mkdir()
    model = easel.model
    save_file(_green_for_red(model), folder / "unripe-1.0.safetensors")
    save_file(_of_text_encoders(model), folder / "words.safetensors")
    save_file({"a": torch.zeros(1)}, folder / "nothing.safetensors")
    wide = {"unet.mid_block.attentions.0.proj_in.lora_A.weight": torch.ones(1, 7)}
    wide["unet.mid_block.attentions.0.proj_in.lora_B.weight"] = torch.ones(9, 1)
    save_file(wide, folder / "wide.safetensors")
    (folder / "torn.safetensors").write_bytes(b"\0" * 20)
    return easel


def _green_for_red(model: LoadedModel) -> dict[str, torch.Tensor]:
    """Return a LoRA for which what is said of red apples says that they are green.

    With X the states of the red prompt and Y those of the green one, every key and value of the
    cross-attention is turned by M = pinv(X) (Y - X): X (1 + M) is Y.
    """
    red, green = (_states(model, prompt) for prompt in (RED, GREEN))
    change = torch.linalg.pinv(red) @ (green - red)
    left, sizes, right = torch.linalg.svd(change)
    rank = int((sizes > 1e-4 * sizes[0]).sum())
    lora = {}
    for name, module in model.base.unet.named_modules():
        if name.endswith(("attn2.to_k", "attn2.to_v")):
            lora[f"unet.{name}.lora_A.weight"] = left[:, :rank].T.clone(
                memory_format=torch.contiguous_format
            )
            right_part = module.weight.float() @ (sizes[:rank, None] * right[:rank]).T
            lora[f"unet.{name}.lora_B.weight"] = right_part.contiguous()
    return lora


def _states(model: LoadedModel, prompt: str) -> torch.Tensor:
    return model.prompt_encoder.encode(prompt).base.prompt_embeds[0].float().clone()


def _of_text_encoders(model: LoadedModel) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    lora = {}
    parts = ("text_encoder", "text_encoder_2")
    for part, module in zip(parts, model.prompt_encoder.modules, strict=True):
        width = module.config.hidden_size
        names = [name for name, _ in module.named_modules() if name.endswith("0.self_attn.v_proj")]
        (name,) = names
        for side, shape in (("A", (4, width)), ("B", (width, 4))):
            lora[f"{part}.{name}.lora_{side}.weight"] = torch.randn(shape, generator=generator)
    return lora


def draw(easel: Easel, *loras: tuple[str, float], prompt: str = RED) -> np.ndarray:
    asked = easel.request(prompt, count=1)
    weights = tuple(LoraWeight(name=name, weight=weight) for name, weight in loras)
    return easel.carry_out(
        msgspec.structs.replace(asked, loras=weights, denoising_end=1.0, num_inference_steps=6)
    )


def test_a_lora_changes_the_picture_by_its_weight(easel: Easel) -> None:
    pictures = [draw(easel, ("unripe-1.0", weight)) for weight in (0, 0.3, 0.6, 1)]
    measured = [redness(picture) for picture in pictures]
    strayed = [distance(picture, pictures[0]) for picture in pictures]
    print("redness by weight", measured, "distance from none", strayed)
    assert strayed == sorted(strayed)
    assert measured[0] > 0.1 > measured[-1]
    # At its full weight the words for red are those for green.
    green = redness(draw(easel, prompt=GREEN))
    assert abs(measured[-1] - green) < 0.3 * abs(measured[0] - green)


def test_no_lora_is_left_behind(easel: Easel) -> None:
    before = draw(easel)
    for loras in ([("unripe-1.0", 0.0)], [("unripe-1.0", 1.0)], [("words", 1.0)]):
        draw(easel, *loras)
        assert np.array_equal(draw(easel), before)


def test_a_weight_of_nothing_is_no_lora(easel: Easel) -> None:
    assert np.array_equal(draw(easel, ("unripe-1.0", 0.0), ("words", 0.0)), draw(easel))


def test_two_loras_are_added_and_the_first_taken_away_again(easel: Easel) -> None:
    one, other = draw(easel, ("words", 0.5)), draw(easel, ("unripe-1.0", 0.5))
    both = draw(easel, ("unripe-1.0", 0.5), ("words", 0.5))
    assert not np.array_equal(both, one)
    assert not np.array_equal(both, other)
    assert np.array_equal(draw(easel, ("words", 0.5)), one)


def test_a_lora_of_the_text_encoders_changes_what_is_read(easel: Easel) -> None:
    model = easel.model
    easel.store.apply_loras(model, [])
    plain = _states(model, RED)
    easel.store.apply_loras(model, [LoraWeight(name="words", weight=0.5)])
    read = _states(model, RED)
    first = model.prompt_encoder.modules[0].config.hidden_size
    for part in (slice(None, first), slice(first, None)):
        assert (read[:, part] - plain[:, part]).abs().max() > 0.01
    easel.store.apply_loras(model, [])
    assert torch.equal(_states(model, RED), plain)


@pytest.mark.parametrize("name", ["nothing", "wide", "torn"])
def test_a_file_that_does_not_fit_is_refused_and_leaves_no_trace(easel: Easel, name: str) -> None:
    before = draw(easel)
    with pytest.raises(ModelError, match=f"The LoRA '{name}' does not fit this model"):
        draw(easel, ("words", 0.5), (name, 1.0))
    assert np.array_equal(draw(easel), before)


@pytest.mark.parametrize("name", ["gone", "../words", "unripe-1.0.safetensors"])
def test_what_is_not_in_the_folder_is_not_loaded(easel: Easel, name: str) -> None:
    with pytest.raises(ModelError, match="not on this machine"):
        draw(easel, (name, 1.0))


@pytest.mark.parametrize(
    ("loras", "said"),
    [
        ([("a", 3.0)], "weight: 3.0 is outside -2 to 2"),
        ([("a", 1.0), ("a", 0.5)], "names one twice"),
        ([(str(index), 1.0) for index in range(11)], "loras: 11 is outside 0 to 10"),
    ],
)
def test_a_request_checks_its_loras(
    easel: Easel, loras: list[tuple[str, float]], said: str
) -> None:
    with pytest.raises(RequestError, match=said):
        draw(easel, *loras)
