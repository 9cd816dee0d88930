"""The trained components, written as a float16 diffusers checkpoint and its refiner.

A part that was not trained yet is written untrained, so that the layout is complete from the first
minute. Files replace their predecessors only after all are written; others are left alone.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from diffusers import __version__ as diffusers_version
from torch import nn
from transformers import CLIPTokenizer

from engine.pocket import architecture
from engine.pocket.checkpoint import load_weights

WEIGHTS = Path(__file__).parent / "weights"


def _restore(module: nn.Module, file: Path) -> nn.Module:
    """Load a stage's averaged weights into `module` where the stage has saved some."""
    if file.exists():
        module.load_state_dict(load_weights(file))
    return module.to(torch.float16).eval()


def load_components(work: Path) -> dict[str, Any]:
    """Build every component of the base pipeline and of the refiner from the work folder."""
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(work / "tokenizer")
    vae = architecture.build_vae()
    scale = work / "vae.scale.json"
    if scale.exists():
        vae.register_to_config(scaling_factor=json.loads(scale.read_text(encoding="utf-8")))
    return {
        "tokenizer": tokenizer,
        "tokenizer_2": tokenizer,
        "scheduler": architecture.build_scheduler(),
        "vae": _restore(vae, work / "vae.safetensors"),
        "text_encoder": _restore(
            architecture.build_text_encoder(tokenizer), work / "text_encoder.safetensors"
        ),
        "text_encoder_2": _restore(
            architecture.build_text_encoder_2(tokenizer), work / "text_encoder_2.safetensors"
        ),
        "unet": _restore(architecture.build_base_unet(), work / "unet.safetensors"),
        "refiner": _restore(architecture.build_refiner_unet(), work / "refiner.safetensors"),
    }


def _index(components: dict[str, Any]) -> dict[str, Any]:
    """Name the pipeline and the class of each component, as `model_index.json` does."""
    index: dict[str, Any] = {
        "_class_name": "StableDiffusionXLPipeline",
        "_diffusers_version": diffusers_version,
        "feature_extractor": [None, None],
        "force_zeros_for_empty_prompt": True,
        "image_encoder": [None, None],
    }
    for name, component in components.items():
        if name != "refiner":
            library = type(component).__module__.split(".", 1)[0]
            index[name] = [library, type(component).__name__]
    return dict(sorted(index.items()))


def export(work: Path, target: Path = WEIGHTS) -> int:
    """Write the checkpoint to `target` and return its size in bytes."""
    components = load_components(work)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        new = Path(scratch) / "weights"
        for name, component in components.items():
            if isinstance(component, CLIPTokenizer):
                shutil.copytree(work / "tokenizer", new / name)
            else:
                folder = new / "refiner" / "unet" if name == "refiner" else new / name
                component.save_pretrained(folder)
        components["scheduler"].save_pretrained(new / "refiner" / "scheduler")
        text = json.dumps(_index(components), indent=2) + "\n"
        (new / "model_index.json").write_text(text, encoding="utf-8")
        _replace(new, target)
    return sum(file.stat().st_size for file in target.rglob("*") if file.is_file())


def _replace(new: Path, target: Path) -> None:
    """Swap each file into place by rename, so that a reader never meets half a file."""
    for file in sorted(path for path in new.rglob("*") if path.is_file()):
        name = file.relative_to(new)
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        partial = (target / name).with_name(f".{name.name}.partial")
        shutil.copyfile(file, partial)
        partial.replace(target / name)
