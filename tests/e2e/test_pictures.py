"""Pictures as prompts over real sockets: attached, linked to, or taken from a message.

A light worker stands for a model that draws from pictures; what is drawn is tested with the engine.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from bot.playground import Message, Playground, RefusedError
from storage import Blobs, JobRecord
from tests.bot.pictures.files import SECRET, bomb, encode, scan_bomb, with_location
from tests.e2e.channel import Channel, open_channel
from tests.light.executor import LightExecutor

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADAPTER = """
[pocket]
image_models = ["ip-adapter-sdxl"]
[ip-adapter-sdxl]
source = "folder"
base = "{folder}"
weight_name = "plus.safetensors"
character_weight_name = "face.safetensors"
image_encoder_folder = "encoder"
"""
DESCRIBED = ("1\ufe0f\u20e3", "2\ufe0f\u20e3", "3\ufe0f\u20e3", "4\ufe0f\u20e3", "🔄")
SHORTENED = ("1\ufe0f\u20e3", "2\ufe0f\u20e3", "3\ufe0f\u20e3", "Show details")


def plain(colour: str, size: tuple[int, int] = (48, 32)) -> bytes:
    """Return a picture of one colour."""
    return encode(Image.new("RGB", size, colour), "PNG")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def light() -> AsyncIterator[LightExecutor]:
    async with LightExecutor.open(seconds=0.05) as executor:
        yield executor


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """A catalog in which the built-in model has an IP-Adapter on disk."""
    folder = tmp_path / "adapter"
    (folder / "encoder").mkdir(parents=True)
    for name in ("plus.safetensors", "face.safetensors", "encoder/model.safetensors"):
        (folder / name).touch()
    (folder / "encoder" / "config.json").write_text("{}")
    file = tmp_path / "catalog.toml"
    file.write_text(ADAPTER.format(folder=folder))
    return file


@pytest_asyncio.fixture(loop_scope="module")
async def channel(light: LightExecutor, tmp_path: Path, catalog: Path) -> AsyncIterator[Channel]:
    async with open_channel(tmp_path, light, catalog=catalog) as opened:
        opened.playground.rate_limits.is_enabled = False
        yield opened


async def job_of(channel: Channel, job_id: int = 1) -> JobRecord:
    async with channel.memory() as (jobs, _):
        job = await jobs.get(job_id)
    assert job is not None
    return job


async def stored(channel: Channel, sha256: str) -> Image.Image:
    """Return a picture that the bot keeps, and which must be nothing but pixels."""
    data = await Blobs.open(channel.settings.resolved_blobs_url).get(sha256)
    assert SECRET.encode() not in data
    image = Image.open(io.BytesIO(data))
    image.load()
    assert (image.format, image.mode, image.info) == ("PNG", "RGB", {})
    return image


async def words(channel: Channel, message: Message, labels: tuple[str, ...]) -> Message:
    return await channel.ada.wait_for(lambda seen: seen.id == message.id and seen.labels == labels)


async def refusal(channel: Channel, name: str, **options: Any) -> str:
    """Send a command that is refused, and return the one sentence, which nobody else sees."""
    before = {message.id for message in await channel.ada.messages()}
    await channel.ada.slash(name, **options)
    told = await channel.ada.wait_for(
        lambda seen: seen.id not in before and seen.is_ephemeral and not seen.is_thinking
    )
    async with channel.memory() as (jobs, _):
        assert await jobs.get(1) is None
    assert [one.id for one in await channel.ada.messages() if one.id not in before] == [told.id]
    return told.content


async def test_an_attached_picture_is_varied_and_only_its_pixels_are_kept(channel: Channel) -> None:
    answer = await channel.ada.slash(
        "variations", image=("cat.jpg", with_location("JPEG")), strength="subtle"
    )
    grid = await channel.finished(answer.message)
    assert "Variations (Subtle) by" in grid.content
    assert grid.content.startswith("**`cat.jpg` --seed ")
    job = await job_of(channel)
    assert (job.action, job.request["type"]) == ("variation_subtle", "image_to_image")
    assert job.request["prompt"] == ""
    (one,) = job.request["image_prompt"]["images"]
    assert job.request["image_prompt"]["scale"] == 1
    assert job.request["image"] == one["image"]
    assert job.sources is not None
    assert [*job.sources.values()] == [one["image"]]
    assert (await stored(channel, one["image"])).size == (48, 32)


async def test_a_link_is_varied_strongly_with_words(channel: Channel) -> None:
    said = await channel.ben.say(files=[("cat.png", plain("red"))])
    answer = await channel.ada.slash(
        "variations", url=said.files[0].url, strength="strong", prompt="a hat --ar 3:2"
    )
    await channel.finished(answer.message)
    job = await job_of(channel)
    assert (job.action, job.request["type"]) == ("variation_strong", "text_to_image")
    assert job.request["prompt"] == "a hat"
    assert job.request["width"] > job.request["height"]
    (one,) = job.request["image_prompt"]["images"]
    assert (await stored(channel, one["image"])).getpixel((5, 5)) == (255, 0, 0)


async def test_the_menu_of_a_message_varies_its_picture(channel: Channel) -> None:
    said = await channel.ben.say("look", files=[("cat.png", plain("blue"))])
    answer = await channel.ada.menu("Variations", said)
    grid = await channel.finished(answer.message)
    assert "Variations (Subtle) by" in grid.content
    for message in (await channel.ben.say("no picture here"), grid):
        told = (await channel.ada.menu("Variations", message)).message
        assert told.is_ephemeral
        assert "V1 to V4" in told.content or "no picture" in told.content
    single = (await channel.ada.press(grid, "U2")).message
    single = await channel.ada.wait_for(lambda seen: seen.id == single.id and seen.files)
    await channel.finished((await channel.ada.menu("Variations", single)).message)


async def test_v_and_vary_know_what_they_start_from(channel: Channel) -> None:
    answer = await channel.ada.slash(
        "imagine",
        prompt="a cat --iw 2",
        image=("x.png", plain("red")),
        style=("s.png", plain("blue")),
    )
    grid = await channel.finished(answer.message)
    await channel.finished((await channel.ada.press(grid, "V2")).message)
    single = (await channel.ada.press(grid, "U3")).message
    single = await channel.ada.wait_for(
        lambda seen: seen.id == single.id and seen.labels == ("Vary (Subtle)", "Vary (Strong)")
    )
    subtle = await channel.finished((await channel.ben.press(single, "Vary (Subtle)")).message)
    assert "Variations (Subtle) by" in subtle.content
    first, strong, soft = [await job_of(channel, job_id) for job_id in (1, 2, 3)]
    async with channel.memory() as (_, pictures):
        sources = [await pictures.get(1, index) for index in (1, 2)]
    for job, source in zip((strong, soft), sources, strict=True):
        assert source is not None
        assert (job.request["image"], job.request["source_seed"]) == (source.sha256, source.seed)
        (seen,) = job.request["image_prompt"]["images"]
        assert seen["image"] == source.sha256
        assert job.request["style_reference"] == first.request["style_reference"]
    assert strong.request["strength"] > soft.request["strength"]
    assert (strong.action, soft.action) == ("variation_strong", "variation_subtle")
    again = await channel.finished((await channel.ada.press(subtle, "🔄")).message)
    assert "Variations (Subtle) by" in again.content
    assert (await job_of(channel, 4)).request["image"] == soft.request["image"]


async def test_a_blend_of_three_has_weights_and_a_shape(channel: Channel) -> None:
    colours = ("red", "green", "blue")
    files: dict[str, Any] = {
        f"image{n}": (f"{n}.png", plain(one)) for n, one in enumerate(colours, start=1)
    }
    answer = await channel.ada.slash("blend", **files, dimensions="3:2", weights="2, 1 0.5")
    grid = await channel.finished(answer.message)
    assert "Blend by" in grid.content
    job = await job_of(channel)
    assert (job.action, job.request["prompt"]) == ("blend", "")
    assert job.request["width"] > job.request["height"]
    condition = job.request["image_prompt"]
    assert ([one["weight"] for one in condition["images"]], condition["scale"]) == ([2, 1, 0.5], 1)
    kept = [await stored(channel, one["image"]) for one in condition["images"]]
    assert [image.getpixel((9, 9)) for image in kept] == [(255, 0, 0), (0, 128, 0), (0, 0, 255)]
    # A blend is a prompt like any other: its words and its pictures can be varied and drawn again.
    await channel.finished((await channel.ada.press(grid, "🔄")).message)
    await channel.finished((await channel.ada.press(grid, "V1")).message)


async def test_a_blend_of_the_same_picture_twice_is_refused(channel: Channel) -> None:
    files = {"image1": ("a.png", plain("red")), "image2": ("b.png", plain("red"))}
    assert "are the same" in await refusal(channel, "blend", **files)


async def test_weights_are_for_every_picture(channel: Channel) -> None:
    files = {"image1": ("a.png", plain("red")), "image2": ("b.png", plain("blue"))}
    assert "2 pictures and 3 weights" in await refusal(channel, "blend", **files, weights="1 2 3")
    assert "sum up to 0" in await refusal(channel, "blend", **files, weights="0 0")


async def test_imagine_takes_attachments_links_styles_and_characters(channel: Channel) -> None:
    said = await channel.ada.say(files=[("green.png", plain("green"))])
    answer = await channel.ada.slash(
        "imagine",
        prompt=f"{said.files[0].url}::2 a cat --iw 0.5 --sw 200 --cw 0",
        image=("red.png", plain("red")),
        style=("blue.png", plain("blue")),
        character=("grey.png", plain("gray")),
    )
    await channel.finished(answer.message)
    request = (await job_of(channel)).request
    weights = [one["weight"] for one in request["image_prompt"]["images"]]
    assert (weights, request["prompt"]) == ([1, 2], "a cat")
    assert request["image_prompt"]["scale"] == pytest.approx(0.33, abs=0.01)
    assert request["style_reference"]["scale"] == pytest.approx(0.75)
    assert request["character_reference"]["scale"] == pytest.approx(0.3)


async def test_many_jobs_from_one_picture_ask_first_and_keep_it(channel: Channel) -> None:
    answer = await channel.ada.slash(
        "imagine", prompt="a {cat, dog, hat} --repeat 2", image=("x.png", plain("red"))
    )
    asked = await words(channel, answer.message, ("Yes", "No"))
    await channel.ada.press(asked, "Yes")
    await channel.ada.wait_for(lambda seen: seen.content.startswith("Drawing 6 jobs"))
    jobs = [await job_of(channel, job_id) for job_id in range(1, 7)]
    pictures = {one["image"] for job in jobs for one in job.request["image_prompt"]["images"]}
    assert len(pictures) == 1
    assert (await stored(channel, pictures.pop())).getpixel((1, 1)) == (255, 0, 0)


async def test_describe_has_four_prompts_that_are_drawn_after_an_edit(channel: Channel) -> None:
    answer = await channel.ada.slash("describe", image=("cat.webp", with_location("WEBP")))
    described = await words(channel, answer.message, DESCRIBED)
    assert "words by a light worker" in described.content
    assert "the fourth prompt" in described.content
    assert described.files
    form = (await channel.ben.press(described, "2\ufe0f\u20e3")).modal
    (label,) = form.raw["components"]
    assert label["component"]["value"].startswith("a picture, the second prompt")
    drawn = await channel.ben.submit_modal(form, {"prompt": "a green cat --ar 3:2"})
    grid = await channel.finished(drawn.message, person=channel.ben)
    assert grid.content.startswith("**a green cat --ar 3:2 ")
    again = await words(channel, (await channel.ada.press(described, "🔄")).message, DESCRIBED)
    first, second = await job_of(channel, 1), await job_of(channel, 3)
    assert first.request["image"] == second.request["image"]
    assert first.request["seed"] != second.request["seed"]
    assert again.id != described.id


async def test_a_form_with_a_mistake_is_answered_with_the_place(channel: Channel) -> None:
    answer = await channel.ada.slash("describe", image=("cat.png", plain("red")))
    described = await words(channel, answer.message, DESCRIBED)
    form = (await channel.ada.press(described, "1\ufe0f\u20e3")).modal
    told = (await channel.ada.submit_modal(form, {"prompt": "a cat --chaso 5"})).message
    assert told.is_ephemeral
    assert "Did you mean --chaos" in told.content


async def test_shorten_says_what_matters_and_keeps_the_parameters(channel: Channel) -> None:
    answer = await channel.ada.slash("shorten", prompt="a very red apple --ar 3:2")
    shortened = await words(channel, answer.message, SHORTENED)
    assert "**a** **very** red apple" in shortened.content
    details = (await channel.ben.press(shortened, "Show details")).message
    details = await channel.ben.wait_for(
        lambda seen: seen.id == details.id and "`1.00` a" in seen.content
    )
    assert details.is_ephemeral
    form = (await channel.ada.press(shortened, "2\ufe0f\u20e3")).modal
    drawn = await channel.ada.submit_modal(form)
    grid = await channel.finished(drawn.message)
    assert grid.content.startswith("**a very --ar 3:2 ")
    refused = (await channel.ada.slash("shorten", prompt="a::2 b")).message
    assert "words alone" in refused.content


async def test_buttons_and_open_forms_survive_a_restart(
    light: LightExecutor, tmp_path: Path, catalog: Path
) -> None:
    async with Playground() as playground:
        async with open_channel(tmp_path, light, playground=playground, catalog=catalog) as channel:
            answer = await channel.ada.slash("describe", image=("cat.png", plain("red")))
            described = await words(channel, answer.message, DESCRIBED)
            answer = await channel.ada.slash("shorten", prompt="a very red apple")
            shortened = await words(channel, answer.message, SHORTENED)
            form = (await channel.ada.press(described, "3\ufe0f\u20e3")).modal
        async with open_channel(tmp_path, light, playground=playground, catalog=catalog) as channel:
            drawn = await channel.ada.submit_modal(form)
            grid = await channel.finished(drawn.message)
            assert grid.content.startswith("**a picture, the third prompt ")
            assert (await channel.ada.press(described, "1\ufe0f\u20e3")).modal.title == "Imagine"
            assert (await channel.ada.press(shortened, "Show details")).message
            assert await words(
                channel, (await channel.ada.press(described, "🔄")).message, DESCRIBED
            )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a red apple", "not a PNG, JPEG, WebP or GIF"),
        (bomb((13_000, 13_000), colour_type=0, depth=1), "the limit is"),
        (scan_bomb(2010, side=256), "far too many layers"),
        (plain("red")[:60], "damaged"),
    ],
    ids=["text", "bomb", "scans", "half"],
)
async def test_a_hostile_file_gets_one_sentence(channel: Channel, data: bytes, said: str) -> None:
    assert said in await refusal(channel, "variations", image=("cat.png", data))


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1/cat.png",
        "http://169.254.169.254/latest/",
        "https://[::1]/",
        "file:///etc/x",
    ],
)
async def test_a_link_that_may_not_be_followed_gets_one_sentence(
    channel: Channel, link: str
) -> None:
    told = {
        await refusal(channel, "variations", url=link),
        await refusal(channel, "describe", link=link),
        await refusal(channel, "imagine", prompt=f"{link} a cat"),
    }
    assert len(told) == 1
    assert "Use a public https link" in told.pop()


async def test_one_picture_is_asked_for_and_not_none_or_two(channel: Channel) -> None:
    for name in ("variations", "describe"):
        assert "Give one picture" in await refusal(channel, name)
    assert "Variations are of one picture" in await refusal(
        channel, "variations", url="https://a.b/c.png", prompt="https://a.b/d.png"
    )
    with pytest.raises(RefusedError):
        await channel.ada.slash("blend", image1=("a.png", plain("red")))


async def test_others_are_answered_at_once_while_pictures_are_opened(channel: Channel) -> None:
    large = bomb((5_700, 5_700), colour_type=6)
    opening = [
        asyncio.ensure_future(channel.ada.slash("variations", image=(f"{n}.png", large)))
        for n in range(4)
    ]
    await asyncio.gather(*opening)
    longest = 0.0
    for _ in range(20):
        begun = time.monotonic()
        await channel.ben.slash("queue")
        longest = max(longest, time.monotonic() - begun)
    assert longest < 1


async def test_a_model_without_pictures_says_so_before_any_is_fetched(
    light: LightExecutor, tmp_path: Path
) -> None:
    catalog = tmp_path / "plain.toml"
    catalog.write_text("[pocket]\nhas_unclip = false\n")
    async with open_channel(tmp_path, light, catalog=catalog) as channel:
        for prompt in ("https://a.invalid/c.png a", "a --sref https://a.invalid/c.png"):
            told = (await channel.ada.slash("imagine", prompt=prompt)).message
            assert told.is_ephemeral
            assert "on this machine" in told.content
