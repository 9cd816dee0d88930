"""Fetching a model from the hub: only the files that are loaded, in safetensors only.

Runs when the operator asks for it and at no other time. Torch-free.

Errors::

    PullError               a download that did not come to its end; the sentence says what to do
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.models.card import ModelCard, ModelKind
from engine.models.layout import PULLING, locate

CONFIGURATION = ("model_index.json", "LICENSE*", "scheduler/*.json", "unet/config.json")
KIND_CONFIGURATION = {
    ModelKind.SDXL: (
        *CONFIGURATION,
        "text_encoder/config.json",
        "text_encoder_2/config.json",
        "tokenizer/*",
        "tokenizer_2/*",
        "vae/config.json",
    ),
    ModelKind.UNCLIP: (
        *CONFIGURATION,
        "text_encoder/config.json",
        "tokenizer/*",
        "vae/config.json",
        "image_encoder/config.json",
        "image_normalizer/config.json",
        "feature_extractor/*.json",
        "image_noising_scheduler/*.json",
    ),
    ModelKind.IP_ADAPTER: ("LICENSE*",),
    ModelKind.LORA: ("LICENSE*",),
    ModelKind.CAPTIONER: (
        "LICENSE*",
        "config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "vocab.txt",
    ),
}
KIND_WEIGHTS = {
    ModelKind.SDXL: (
        "text_encoder/model",
        "text_encoder_2/model",
        "unet/diffusion_pytorch_model",
        "vae/diffusion_pytorch_model",
    ),
    ModelKind.UNCLIP: (
        "text_encoder/model",
        "unet/diffusion_pytorch_model",
        "vae/diffusion_pytorch_model",
        "image_encoder/model",
        "image_normalizer/diffusion_pytorch_model",
    ),
    ModelKind.IP_ADAPTER: (),
    ModelKind.LORA: (),
    ModelKind.CAPTIONER: ("model",),
}
"""Paths of weights, without what a variant and numbered pieces add to a file's name."""


class PullError(RuntimeError):
    """A download that did not come to its end."""


OnProgress = Callable[[int, int], None]
"""Called with bytes done and bytes in all; the second grows while the hub is asked for sizes."""


def pull(card: ModelCard, models_dir: Path, on_progress: OnProgress) -> Path:
    """Fetch a model into `<models_dir>/<name>` and return the folder of its base pipeline.

    A download that broke off continues where it stopped. Raises PullError.
    """
    if card.source != "hub":
        raise PullError(f"The model {card.name!r} is not on the hub; there is nothing to fetch.")
    meter = _Meter(on_progress)
    mark = models_dir / card.name / PULLING
    # What is complete already stays in use, and survives a pull without a network.
    if locate(card, models_dir) is None:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    for arguments in snapshots(card, models_dir).values():
        _fetch(arguments, meter)
    mark.unlink(missing_ok=True)
    folder = locate(card, models_dir)
    if folder is None:
        raise PullError(
            f"{card.base} does not hold every file that {card.name!r} needs; check `variant` and"
            " `base` in the catalog."
        )
    return folder


def snapshots(card: ModelCard, models_dir: Path) -> dict[str, dict[str, Any]]:
    """Return the arguments of `snapshot_download` for each part of the model."""
    parts = {
        "base": {
            "repo_id": card.base,
            "revision": card.revision,
            "local_dir": models_dir / card.name / "base",
            "allow_patterns": [
                *KIND_CONFIGURATION[card.kind],
                *card.weight_names,
                *_image_encoder(card),
                *(
                    pattern
                    for stem in KIND_WEIGHTS[card.kind]
                    for pattern in _weights(stem, card.variant)
                ),
            ],
        }
    }
    if card.refiner:
        # The refiner reads the base model's second text encoder and autoencoder.
        parts["refiner"] = {
            "repo_id": card.refiner,
            "revision": card.refiner_revision,
            "local_dir": models_dir / card.name / "refiner",
            "allow_patterns": [
                *CONFIGURATION,
                *_weights("unet/diffusion_pytorch_model", card.variant),
            ],
        }
    return parts


def _image_encoder(card: ModelCard) -> tuple[str, ...]:
    """Return patterns of the encoder that comes with an IP-Adapter."""
    folder = card.image_encoder_folder
    return (f"{folder}/config.json", f"{folder}/model.safetensors") if folder else ()


def _weights(stem: str, variant: str) -> tuple[str, ...]:
    """Return patterns of a component's weights, in one file or in numbered pieces with an index."""
    if not variant:
        return (
            f"{stem}.safetensors",
            f"{stem}-*-of-*.safetensors",
            f"{stem}.safetensors.index.json",
        )
    return (
        f"{stem}.{variant}.safetensors",
        f"{stem}.{variant}-*-of-*.safetensors",
        f"{stem}.safetensors.index.{variant}.json",
    )


class _Meter:
    """Adds up the bytes of all parts of a model."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._bars: list[Any] = []

    def bar_class(self) -> type:
        """Return a progress bar for `snapshot_download` that draws nothing and tells the meter."""
        from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

        meter = self

        class Bar(tqdm):  # type: ignore[misc, unused-ignore]
            def __init__(self, *arguments: Any, **options: Any) -> None:
                # There is one bar for files, one for the network's bytes, and this one for the
                # bytes on disk.
                if options.get("name") == "huggingface_hub.snapshot_download":
                    meter._bars.append(self)
                options["disable"] = True
                super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]

            def update(self, n: float | None = 1) -> None:
                # A disabled bar does not count.
                self.n += n or 0
                meter.report()

            def refresh(self, *_: Any, **__: Any) -> None:
                meter.report()

        return Bar

    def report(self) -> None:
        """Tell how far all parts are."""
        done = sum(int(bar.n or 0) for bar in self._bars)
        self._on_progress(done, sum(int(bar.total or 0) for bar in self._bars))


def _fetch(arguments: dict[str, Any], meter: _Meter) -> None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    repo_id = arguments["repo_id"]
    try:
        snapshot_download(**arguments, tqdm_class=meter.bar_class())
    except GatedRepoError as error:
        raise PullError(
            f"{repo_id} asks you to accept its licence first: open https://huggingface.co/{repo_id},"
            " accept it there, and run `hf auth login`."
        ) from error
    except RepositoryNotFoundError as error:
        raise PullError(f"There is no repository {repo_id!r} on the hub.") from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise PullError(f"{repo_id} could not be fetched: {error}. Run it again.") from error
