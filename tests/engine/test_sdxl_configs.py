"""The full-size UNets, without a byte of weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel

import engine.models

CONFIGS = Path(engine.models.__file__).parent / "configs"


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("sdxl_base_unet", 2_567_463_684), ("sdxl_refiner_unet", 2_259_526_660)],
)
def test_the_unets_have_exactly_sdxls_parameters(name: str, parameters: int) -> None:
    config = json.loads((CONFIGS / f"{name}.json").read_text(encoding="utf-8"))
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(config)
    assert sum(parameter.numel() for parameter in unet.parameters()) == parameters
