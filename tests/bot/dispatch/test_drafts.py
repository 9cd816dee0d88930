"""Which model draws what, by what is on disk beside the one that was chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.dispatch.drafts import Drafts
from bot.errors import UserError
from bot.recipe import Drawn, Variation
from engine.api import Describe, Shorten
from engine.models.catalog import Catalog

CAT, DOG = "https://a.b/cat.png", "https://a.b/dog.png"
SOURCES = {CAT: "c" * 64, DOG: "d" * 64}
PICTURE = Drawn(sha256="e" * 64, seed=7)


def on_disk(folder: Path, *names: str) -> str:
    """Put empty files into a folder, as a download would."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return str(folder)


@pytest.fixture
def unclip(tmp_path: Path) -> str:
    """A table of a catalog: Stable unCLIP in a folder."""
    parts = ("text_encoder", "unet", "vae", "image_encoder", "image_normalizer")
    weights = [f"{part}/{file}" for part in parts for file in ("config.json", "a.safetensors")]
    folder = on_disk(
        tmp_path / "unclip",
        *weights,
        "scheduler/scheduler_config.json",
        "tokenizer/vocab.json",
        "model_index.json",
        "feature_extractor/preprocessor_config.json",
        "image_noising_scheduler/scheduler_config.json",
    )
    return f'[unclip]\nsource = "folder"\nbase = "{folder}"\nvariant = ""\n'


@pytest.fixture
def adapter(tmp_path: Path) -> str:
    """A table of a catalog: an IP-Adapter in a folder."""
    folder = on_disk(
        tmp_path / "adapter", "plus.safetensors", "encoder/config.json", "encoder/a.safetensors"
    )
    return (
        f'[ip-adapter-sdxl]\nsource = "folder"\nbase = "{folder}"\nweight_name = "plus.safetensors"'
        '\ncharacter_weight_name = ""\nimage_encoder_folder = "encoder"\n'
    )


def drafts(folder: Path, pocket: str, *tables: str) -> Drafts:
    """Return the drafts of a machine whose built-in model is like this."""
    file = folder / "catalog.toml"
    file.write_text("\n".join([f"[pocket]\n{pocket}", *tables]))
    return Drafts(catalog=Catalog.load(file), default_model="pocket", models_dir=folder)


def test_a_model_of_its_own_draws_from_pictures_where_the_chosen_one_cannot(
    tmp_path: Path, unclip: str
) -> None:
    here = drafts(tmp_path, 'has_unclip = false\nimage_models = ["unclip"]', unclip)
    assert here.grid(here.read("a"), seed=1, sources={}).model == "pocket"
    blend = here.read(f"{CAT} {DOG}")
    assert here.grid(blend, seed=1, sources=SOURCES).model == "unclip"
    vary = {"seed": 1, "sources": SOURCES, "picture": PICTURE, "variation": Variation.STRONG}
    of_words = here.variations(here.read("a"), **vary)  # type: ignore[arg-type]
    assert (of_words.model, of_words.image_prompt, of_words.source_seed) == ("pocket", None, None)
    of_pictures = here.variations(blend, **vary)  # type: ignore[arg-type]
    assert (of_pictures.model, of_pictures.source_seed) == ("unclip", 7)
    assert of_pictures.image_names() == {PICTURE.sha256}
    with pytest.raises(UserError, match="Say it in words"):
        here.read_all(f"a --sref {CAT}")


def test_an_adapter_makes_the_chosen_model_draw_from_pictures(tmp_path: Path, adapter: str) -> None:
    here = drafts(tmp_path, 'has_unclip = false\nimage_models = ["ip-adapter-sdxl"]', adapter)
    request = here.grid(here.read(f"{CAT} a --sref {DOG}"), seed=1, sources=SOURCES)
    assert request.model == "pocket"
    assert request.image_names() == {"c" * 64, "d" * 64}
    with pytest.raises(UserError, match="character from pictures"):
        here.read_all(f"a --cref {CAT}")


def test_two_models_do_not_share_a_drawing(tmp_path: Path, unclip: str, adapter: str) -> None:
    models = 'has_unclip = false\nimage_models = ["unclip", "ip-adapter-sdxl"]'
    here = drafts(tmp_path, models, unclip, adapter)
    assert here.grid(here.read(f"{CAT} a"), seed=1, sources=SOURCES).model == "unclip"
    assert here.grid(here.read(f"a --sref {CAT}"), seed=1, sources=SOURCES).model == "pocket"
    with pytest.raises(UserError, match="a drawing has one"):
        here.read_all(f"{DOG} a --sref {CAT}")


def test_nothing_for_pictures_is_said_before_any_is_fetched(tmp_path: Path) -> None:
    here = drafts(tmp_path, 'has_unclip = false\nimage_models = ["unclip"]')
    with pytest.raises(UserError, match="easel models pull unclip"):
        here.read_all(f"{CAT} a")


def test_words_are_found_by_what_can(tmp_path: Path) -> None:
    here = drafts(tmp_path, "")
    assert here.describe("c" * 64, seed=3) == Describe(model="pocket", image="c" * 64, seed=3)
    assert here.shorten(here.read("a cat --ar 3:2")) == Shorten(model="pocket", prompt="a cat")
    for text in (f"{CAT} a", "a::2 b", CAT):
        with pytest.raises(UserError, match="words alone"):
            here.shorten(here.read(text))
