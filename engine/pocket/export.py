"""The trained components as a float16 diffusers checkpoint, with its refiner and its unCLIP.

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
from engine.pocket.checkpoint import load_if_trained

WEIGHTS = Path(__file__).parent / "weights"
# Where each component lies in the folder; the base, the refiner and unCLIP share what they can.
FOLDERS = {
    "refiner": "refiner/unet",
    "unclip": "unclip/unet",
    "image_encoder": "unclip/image_encoder",
    "feature_extractor": "unclip/feature_extractor",
    "image_normalizer": "unclip/image_normalizer",
    "image_noising_scheduler": "unclip/image_noising_scheduler",
}


def load_components(work: Path) -> dict[str, Any]:
    """Build every component of all three pipelines from the work folder."""
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(work / "tokenizer")
    vae = architecture.build_vae()
    scale = work / "vae.scale.json"
    if scale.exists():
        vae.register_to_config(scaling_factor=json.loads(scale.read_text(encoding="utf-8")))
    trained: dict[str, nn.Module] = {
        "vae": vae,
        "text_encoder": architecture.build_text_encoder(tokenizer),
        "text_encoder_2": architecture.build_text_encoder_2(tokenizer),
        "unet": architecture.build_base_unet(),
        "refiner": architecture.build_refiner_unet(),
        "unclip": architecture.build_unclip_unet(),
        "image_encoder": architecture.build_image_encoder(),
        "image_normalizer": architecture.build_image_normalizer(),
    }
    for name, part in trained.items():
        load_if_trained(part, work / f"{name}.safetensors")
    return {
        "tokenizer": tokenizer,
        "tokenizer_2": tokenizer,
        "scheduler": architecture.build_scheduler(),
        "feature_extractor": architecture.build_feature_extractor(),
        "image_noising_scheduler": architecture.build_noising_scheduler(),
        **{name: part.to(torch.float16).eval() for name, part in trained.items()},
    }


def open_components(work: Path, device: torch.device) -> dict[str, Any]:
    """Build the same components in float32 on a device, to train them and to draw with them."""
    return {
        name: part.float().to(device) if isinstance(part, nn.Module) else part
        for name, part in load_components(work).items()
    }


def unpack(source: Path, work: Path) -> None:
    """Write an exported folder's parts where the stages leave theirs, to go on from them."""
    shutil.copytree(source / "tokenizer", work / "tokenizer", dirs_exist_ok=True)
    config = json.loads((source / "vae" / "config.json").read_text(encoding="utf-8"))
    (work / "vae.scale.json").write_text(json.dumps(config["scaling_factor"]), encoding="utf-8")
    names = {folder: name for name, folder in FOLDERS.items()}
    for file in source.rglob("*.safetensors"):
        folder = file.parent.relative_to(source).as_posix()
        shutil.copyfile(file, work / f"{names.get(folder, folder)}.safetensors")


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
        if name not in FOLDERS:
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
                component.save_pretrained(new / FOLDERS.get(name, name))
        for pipeline in ("refiner", "unclip"):
            components["scheduler"].save_pretrained(new / pipeline / "scheduler")
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
