"""Which model draws what, by what is on disk beside the one that was chosen."""

from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path

import pytest

from bot.dispatch.drafts import Drafts
from bot.errors import UserError
from bot.prompt import PromptError
from bot.recipe import Drawn, Variation
from engine.api import Describe, Shorten
from engine.models.catalog import Catalog
from engine.models.layout import PULLING

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


async def test_what_draws_from_pictures_may_come_later(
    tmp_path: Path, unclip: str, adapter: str
) -> None:
    for name in ("unclip", "adapter"):
        (tmp_path / name).rename(tmp_path / f"{name}.away")
    models = 'has_unclip = false\nimage_models = ["unclip", "ip-adapter-sdxl"]'
    here = drafts(tmp_path, models, unclip, adapter)
    (tmp_path / "unclip.away").rename(tmp_path / "unclip")
    with pytest.raises(UserError, match="easel models pull unclip"):
        here.read_all(f"{CAT} a")
    await here.look_again()
    assert here.grid(here.read(f"{CAT} a"), seed=1, sources=SOURCES).model == "unclip"
    with pytest.raises(UserError, match="easel models pull ip-adapter-sdxl"):
        here.read_all(f"a --sref {CAT}")
    (tmp_path / "adapter.away").rename(tmp_path / "adapter")
    await here.look_again()
    assert here.grid(here.read(f"a --sref {CAT}"), seed=1, sources=SOURCES).model == "pocket"
    assert len(here.read_all(f"a --sref {CAT}")) == 1


async def test_a_model_is_offered_once_all_of_it_is_there_and_until_it_is_gone(
    tmp_path: Path,
) -> None:
    here = drafts(tmp_path, "")
    folder = tmp_path / "animagine"
    parts = ("text_encoder", "text_encoder_2", "unet", "vae")
    on_disk(
        folder / "base",
        *(f"{part}/{file}" for part in parts for file in ("config.json", "a.safetensors")),
        "scheduler/scheduler_config.json",
        "tokenizer/vocab.json",
        "tokenizer_2/vocab.json",
        "model_index.json",
    )
    (folder / PULLING).touch()
    await here.look_again()
    with pytest.raises(PromptError):
        here.read("a --model animagine")
    (folder / PULLING).unlink()
    await here.look_again()
    (prompt,) = here.read_all("a --niji")
    assert here.grid(prompt, seed=1, sources={}).model == "animagine"
    assert any("animagine" in one.text for one in here.complete("a --model a"))
    shutil.rmtree(folder)
    await here.look_again()
    with pytest.raises(PromptError):
        here.read("a --model animagine")
    with pytest.raises(UserError, match="no longer on this machine"):
        here.grid(prompt, seed=1, sources={})


async def test_loras_and_a_captioner_may_come_later(tmp_path: Path) -> None:
    here = drafts(tmp_path, "")
    on_disk(tmp_path / "loras", "ink.safetensors")
    on_disk(
        tmp_path / "blip" / "base",
        *("config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"),
    )
    assert here.describe("c" * 64, seed=3).model == "pocket"
    await here.look_again()
    assert here.describe("c" * 64, seed=3).model == "blip"
    assert here.read("a <lora:ink>").loras[0].name == "ink"


async def test_a_folder_that_cannot_be_read_is_named_once_and_looked_at_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.dispatch.drafts")
    here = drafts(tmp_path, "")
    # To look behind this link fails, whoever looks.
    (tmp_path / "animagine").symlink_to("x" * 300)
    on_disk(tmp_path / "loras", "ink.safetensors")
    watching = asyncio.create_task(here.watch(0.001))
    async with asyncio.timeout(30):
        while "cannot be read" not in caplog.text:  # noqa: ASYNC110 - a thread looks
            await asyncio.sleep(0.01)
        with pytest.raises(OSError, match="too long"):
            await here.look_again()
        (tmp_path / "animagine").unlink()
        while "'ink'" not in caplog.text:  # noqa: ASYNC110 - a thread looks
            await asyncio.sleep(0.01)
    watching.cancel()
    assert here.read("a <lora:ink>").loras[0].name == "ink"
    assert caplog.text.count("cannot be read") == 1
