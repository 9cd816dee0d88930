from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.models.catalog import (
    Catalog,
    CatalogError,
    UnknownModelError,
    locate,
    refiner_folder,
)
from tests.engine import tiny

ENTRY = """
[mine]
title = "Mine"
license = "MIT"
source = "folder"
base = "/models/mine"
sizes = [[512, 512]]
"""


def load(folder: Path, text: str) -> Catalog:
    file = folder / "models.toml"
    file.write_text(text, encoding="utf-8")
    return Catalog.load(file)


def test_the_built_in_models_are_there() -> None:
    catalog = Catalog.load()
    assert list(catalog) == ["pocket", "sdxl"]
    assert catalog["pocket"].default_size == (128, 128)
    assert catalog["sdxl"].base == "stabilityai/stable-diffusion-xl-base-1.0"


def test_sdxl_has_the_buckets_of_its_paper() -> None:
    sizes = Catalog.load()["sdxl"].sizes
    assert len(sizes) == len(set(sizes)) == 41
    assert set(sizes) == {(height, width) for width, height in sizes}
    assert all(0.9 * 2**20 <= width * height <= 2**20 + 2**15 for width, height in sizes)


def test_an_operators_file_adds_models(tmp_path: Path) -> None:
    catalog = load(tmp_path, ENTRY)
    assert list(catalog) == ["pocket", "sdxl", "mine"]
    assert catalog["mine"].name == "mine"


def test_an_operators_file_overrides_single_fields(tmp_path: Path) -> None:
    card = load(tmp_path, "[sdxl]\nnum_inference_steps = 24\n")["sdxl"]
    assert card.num_inference_steps == 24
    assert card.guidance_scale == Catalog.load()["sdxl"].guidance_scale


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[mine", "models.toml"),
        ("mine = 3", "'mine' is not a table"),
        ("[Mine]\ntitle='x'", "Mine"),
        (ENTRY + "colour = 1", "colour"),
        (ENTRY.replace("[[512, 512]]", "[]"), "sizes: is empty"),
        (ENTRY.replace("[[512, 512]]", "[[512, 510]]"), r"sizes\[0\]: 510 is not a multiple of 8"),
        (ENTRY.replace("[[512, 512]]", "[[512]]"), r"\$\.sizes\[0\]"),
        (ENTRY.replace("/models", "models"), "not the absolute path"),
        (ENTRY.replace('"folder"', '"web"'), "source"),
        (ENTRY.replace('title = "Mine"', ""), "title"),
        (ENTRY + "num_inference_steps = 0", "num_inference_steps: 0 is outside 1 to 200"),
        (ENTRY + "guidance_scale = nan", "guidance_scale: nan"),
        (ENTRY + "denoising_end = 0.5", "has_refiner is not set"),
        (ENTRY.replace('"folder"', '"hub"'), "not a repository such as org/name"),
        ('[sdxl]\nrefiner = ""', "if and only if refiner"),
        ('[pocket]\nbase = "/x"', "leave it out"),
    ],
)
def test_a_mistake_is_named_with_its_file_model_and_field(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(CatalogError, match=message) as caught:
        load(tmp_path, text)
    assert "models.toml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"gone\.toml"):
        Catalog.load(tmp_path / "gone.toml")


def test_an_unknown_name_is_answered_with_a_guess() -> None:
    with pytest.raises(UnknownModelError, match="Did you mean 'pocket'") as caught:
        Catalog.load()["poket"]
    assert str(caught.value).startswith("There is no model 'poket'.")


def test_the_built_in_model_is_on_disk(tmp_path: Path) -> None:
    catalog = Catalog.load()
    assert catalog.available(tmp_path) == {"pocket"}
    assert catalog.default(["cpu"], tmp_path).name == "pocket"
    assert catalog.default(["cuda:0"], tmp_path).name == "pocket"


def test_a_pulled_model_is_the_default_where_there_is_a_gpu(
    tmp_path: Path, tiny_folder: Path
) -> None:
    shutil.copytree(tiny_folder.parent, tmp_path / "sdxl")
    catalog = Catalog.load()
    assert catalog.available(tmp_path) == {"pocket", "sdxl"}
    assert catalog.default(["cuda:0", "cuda:1"], tmp_path).name == "sdxl"
    assert catalog.default(["cpu"], tmp_path).name == "pocket"


@pytest.mark.parametrize(
    "part", ["base/unet/config.json", "base/tokenizer", "base/vae", "refiner/unet"]
)
def test_an_incomplete_model_is_not_on_disk(tmp_path: Path, tiny_folder: Path, part: str) -> None:
    shutil.copytree(tiny_folder.parent, tmp_path / "sdxl")
    card = Catalog.load()["sdxl"]
    assert locate(card, tmp_path) == tmp_path / "sdxl" / "base"
    gone = tmp_path / "sdxl" / part
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    assert locate(card, tmp_path) is None


def test_a_refiner_lies_beside_a_pulled_base_or_within_a_folder(tmp_path: Path) -> None:
    assert refiner_folder(tmp_path / "base") == tmp_path / "refiner"
    assert refiner_folder(tmp_path / "mine") == tmp_path / "mine" / "refiner"


def test_the_tiny_model_of_the_tests_is_a_model(tmp_path: Path, tiny_folder: Path) -> None:
    catalog = Catalog.load(tiny.write_catalog(tmp_path / "models.toml", tiny_folder))
    assert "tiny" in catalog.available(tmp_path)
