from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.models.card import ImageUse
from engine.models.catalog import (
    Catalog,
    CatalogError,
    UnknownModelError,
)
from engine.models.layout import locate, refiner_folder
from tests.engine import tiny

BUILTIN = ["pocket", "sdxl", "animagine", "lcm-sdxl", "unclip", "ip-adapter-sdxl", "blip"]
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
    assert list(catalog) == BUILTIN
    assert catalog["pocket"].default_size == (128, 128)
    assert catalog["sdxl"].base == "stabilityai/stable-diffusion-xl-base-1.0"


def test_sdxl_has_the_buckets_of_its_paper() -> None:
    sizes = Catalog.load()["sdxl"].sizes
    assert len(sizes) == len(set(sizes)) == 41
    assert set(sizes) == {(height, width) for width, height in sizes}
    assert all(0.9 * 2**20 <= width * height <= 2**20 + 2**15 for width, height in sizes)


def test_an_operators_file_adds_models(tmp_path: Path) -> None:
    catalog = load(tmp_path, ENTRY)
    assert list(catalog) == [*BUILTIN, "mine"]
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
        (ENTRY + "blend_candidates = 0", "blend_candidates: 0 is outside 1 to 8"),
        (ENTRY + "denoising_end = 0.5", "has_refiner is not set"),
        (ENTRY.replace('"folder"', '"hub"'), "not a repository such as org/name"),
        ('[sdxl]\nrefiner = ""', "if and only if refiner"),
        ('[pocket]\nbase = "/x"', "leave it out"),
        ('[sdxl]\nimage_models = ["pocket"]', "'pocket' is not a model of kind ip_adapter"),
        ('[sdxl]\nimage_models = ["gone"]', "'gone' is not a model of kind ip_adapter"),
        ('[sdxl]\nweight_name = "a.safetensors"', "weight_name: belongs to"),
        ('[ip-adapter-sdxl]\nimage_encoder_folder = ""', "image_encoder_folder: belongs to"),
        ('[ip-adapter-sdxl]\nweight_name = "../a"', "not a path inside the model's folder"),
        ("[unclip]\nhas_unclip = true", "belong to models of kind sdxl only"),
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


def write_files(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def write_ip_adapter(models_dir: Path) -> None:
    card = Catalog.load()["ip-adapter-sdxl"]
    encoder = card.image_encoder_folder
    files = [*card.weight_names, f"{encoder}/config.json", f"{encoder}/model.safetensors"]
    write_files(models_dir / card.name / "base", *files)


def write_unclip(models_dir: Path) -> None:
    parts = ("text_encoder", "unet", "vae", "image_encoder", "image_normalizer")
    names = [f"{part}/{name}" for part in parts for name in ("config.json", "x.safetensors")]
    names += ["scheduler/scheduler_config.json", "tokenizer/vocab.json", "model_index.json"]
    names += ["feature_extractor/preprocessor_config.json"]
    names += ["image_noising_scheduler/scheduler_config.json"]
    write_files(models_dir / "unclip" / "base", *names)


def test_pictures_are_drawn_from_by_whatever_of_it_is_on_disk(tmp_path: Path) -> None:
    catalog = Catalog.load()
    sdxl, unclip = catalog["sdxl"], catalog["unclip"]
    assert catalog.draws_from_images(sdxl, ImageUse.PROMPT, tmp_path) is None
    write_unclip(tmp_path)
    assert catalog.draws_from_images(sdxl, ImageUse.PROMPT, tmp_path) == unclip
    assert catalog.draws_from_images(sdxl, ImageUse.STYLE, tmp_path) is None
    write_ip_adapter(tmp_path)
    for use in ImageUse:
        assert catalog.draws_from_images(sdxl, use, tmp_path) == sdxl
    assert catalog.ip_adapter(sdxl, tmp_path) == catalog["ip-adapter-sdxl"]


def test_a_model_without_pictures_says_what_to_do(tmp_path: Path) -> None:
    catalog = load(tmp_path, ENTRY)
    sdxl, mine = catalog["sdxl"], catalog["mine"]
    sentence = catalog.no_images(sdxl, ImageUse.STYLE)
    assert sentence.startswith("Stable Diffusion XL 1.0 does not take a style from pictures")
    assert "`easel models pull ip-adapter-sdxl`" in sentence
    assert "unclip" not in sentence
    assert "`easel models pull unclip`" in catalog.no_images(sdxl, ImageUse.PROMPT)
    assert catalog.no_images(mine, ImageUse.PROMPT).endswith("Say it in words instead.")


def test_what_draws_from_pictures_only_is_not_offered_for_words(tmp_path: Path) -> None:
    write_unclip(tmp_path)
    write_ip_adapter(tmp_path)
    catalog = Catalog.load()
    assert catalog.available(tmp_path) == {"pocket"}
    assert catalog.default(["cuda:0"], tmp_path).name == "pocket"


def test_words_for_a_picture_come_from_blip_once_it_is_pulled(tmp_path: Path) -> None:
    catalog = Catalog.load()
    assert catalog.describer(tmp_path).name == "pocket"
    names = ("config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json")
    write_files(tmp_path / "blip" / "base", *names)
    assert catalog.describer(tmp_path).name == "blip"


def test_loras_are_files_of_a_folder_and_cards_that_were_pulled(tmp_path: Path) -> None:
    catalog = Catalog.load()
    assert catalog.loras(tmp_path) == frozenset()
    own = tmp_path / "loras"
    own.mkdir()
    for name in (
        "Ink-2.safetensors",
        "pixels.ckpt",
        "two words.safetensors",
        "lcm-sdxl.safetensors",
    ):
        (own / name).touch()
    assert catalog.loras(tmp_path) == {"Ink-2"}
    pulled = tmp_path / "lcm-sdxl" / "base" / "pytorch_lora_weights.safetensors"
    pulled.parent.mkdir(parents=True)
    pulled.touch()
    assert catalog.loras(tmp_path) == {"Ink-2", "lcm-sdxl"}
    assert catalog.locate_lora("lcm-sdxl", tmp_path) == pulled
    assert catalog.locate_lora("Ink-2", tmp_path) == own / "Ink-2.safetensors"
    assert catalog.locate_lora("../loras/Ink-2", tmp_path) is None
    assert catalog.available(tmp_path) == {"pocket"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            'draft = { num_inference_steps = 4, guidance_scale = 1, lora = "gone" }',
            "not a model of",
        ),
        ('draft = { num_inference_steps = 4, guidance_scale = 1, lora = "sdxl" }', "kind lora"),
        ("draft = { num_inference_steps = 0, guidance_scale = 1 }", "outside 1 to 50"),
        ('samplers = ["Ewler"]', "samplers"),
        ("version = -1", "version: -1"),
        ('weight_name = "a.safetensors"', "weight_name: belongs to"),
    ],
)
def test_what_draws_few_steps_is_checked(tmp_path: Path, fields: str, said: str) -> None:
    with pytest.raises(CatalogError, match=said):
        load(tmp_path, f"[pocket]\n{fields}\n")


def test_a_lora_is_one_file_of_safetensors(tmp_path: Path) -> None:
    entry = '[x]\ntitle = "X"\nkind = "lora"\nlicense = "none"\nsource = "hub"\nbase = "a/b"\n'
    assert load(tmp_path, f'{entry}weight_name = "x.safetensors"\n')["x"].weight_names
    for weight_name in ("x.bin", "../x.safetensors"):
        with pytest.raises(CatalogError, match="weight_name"):
            load(tmp_path, f'{entry}weight_name = "{weight_name}"\n')
