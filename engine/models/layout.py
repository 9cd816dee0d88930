"""Where a model's files lie, and whether all of them are there. Torch-free."""

from __future__ import annotations

from pathlib import Path

from engine.models.card import ModelCard, ModelKind

POCKET_WEIGHTS = Path(__file__).parent.parent / "pocket" / "weights"

PULLING = ".pulling"
"""Beside the parts of a model: it is being pulled, and not for use before all of it is here."""

_FOLDERS = {
    ModelKind.SDXL: ("text_encoder", "text_encoder_2", "unet", "vae"),
    ModelKind.UNCLIP: ("text_encoder", "unet", "vae", "image_encoder", "image_normalizer"),
    ModelKind.IP_ADAPTER: (),
    ModelKind.CAPTIONER: (".",),
    ModelKind.LORA: (),
}
"""Folders with a configuration and weights."""
_FILES = {
    ModelKind.SDXL: (
        "scheduler/scheduler_config.json",
        "tokenizer",
        "tokenizer_2",
        "model_index.json",
    ),
    ModelKind.UNCLIP: (
        "scheduler/scheduler_config.json",
        "tokenizer",
        "model_index.json",
        "feature_extractor/preprocessor_config.json",
        "image_noising_scheduler/scheduler_config.json",
    ),
    ModelKind.IP_ADAPTER: (),
    ModelKind.CAPTIONER: ("preprocessor_config.json", "tokenizer.json"),
    ModelKind.LORA: (),
}
_UNCLIP_FOLDERS = ("unet", "image_encoder", "image_normalizer")
_UNCLIP_FILES = (
    "feature_extractor/preprocessor_config.json",
    "image_noising_scheduler/scheduler_config.json",
)


def locate(card: ModelCard, models_dir: Path) -> Path | None:
    """Return the folder of the model, or None when it is not complete on disk.

    Pulled models lie in `<models_dir>/<name>/base`, with `refiner` and `unclip` beside it; a model
    that comes as one folder may have them within.
    """
    match card.source:
        case "builtin":
            folder = POCKET_WEIGHTS
        case "hub":
            folder = models_dir / card.name / "base"
            if (models_dir / card.name / PULLING).exists():
                return None
        case "folder":
            folder = Path(card.base)
    folders = [folder / name for name in _FOLDERS[card.kind]]
    files = [folder / name for name in (*_FILES[card.kind], *card.weight_names)]
    if card.image_encoder_folder:
        folders.append(folder / card.image_encoder_folder)
    if card.has_refiner:
        folders.append(refiner_folder(folder) / "unet")
    if card.has_unclip:
        folders += [unclip_folder(folder) / name for name in _UNCLIP_FOLDERS]
        files += [unclip_folder(folder) / name for name in _UNCLIP_FILES]
    is_complete = all(map(has_weights, folders)) and all(file.exists() for file in files)
    return folder if is_complete else None


def refiner_folder(base: Path) -> Path:
    """Return where the refiner of the pipeline in `base` lies, whether or not it is there."""
    return base.with_name("refiner") if base.name == "base" else base / "refiner"


def unclip_folder(base: Path) -> Path:
    """Return where the unCLIP decoder of the pipeline in `base` lies, whether or not it is there.

    It has a UNet, an image encoder and what prepares their input; text encoders and autoencoder are
    those of the pipeline.
    """
    return base.with_name("unclip") if base.name == "base" else base / "unclip"


def has_weights(folder: Path) -> bool:
    """Return whether a component's folder holds a configuration and safetensors."""
    return (folder / "config.json").exists() and any(folder.glob("*.safetensors"))
