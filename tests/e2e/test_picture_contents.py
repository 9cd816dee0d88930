"""What the pictures show that are made from pictures: the built-in model behind the real bot."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from bot.playground import Message
from engine.pocket import rules
from tests.e2e.channel import Channel

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

HEART = "a red heart on a blue background --seed 3"
CAR = "a green car on a yellow background --seed 3"
LABELS = ("1\ufe0f\u20e3", "2\ufe0f\u20e3", "3\ufe0f\u20e3", "4\ufe0f\u20e3", "🔄")

Pixels = npt.NDArray[np.uint8]


async def shown(channel: Channel, message: Message) -> Image.Image:
    """Return the one picture that hangs on a message."""
    (file,) = message.files
    return Image.open(io.BytesIO(await channel.ada.download(file))).convert("RGB")


def quarters(grid: Image.Image) -> Iterator[Pixels]:
    """Return the four pictures of a grid, without the line between them."""
    width, height = grid.width // 2, grid.height // 2
    for x in (0, width):
        for y in (0, height):
            yield np.asarray(grid.crop((x + 4, y + 4, x + width - 4, y + height - 4)))


async def single(channel: Channel, prompt: str) -> tuple[Message, Image.Image]:
    """Draw a prompt and take its first picture out."""
    grid = await channel.imagine(prompt)
    message = await channel.picture((await channel.ada.press(grid, "U1")).message)
    return message, await shown(channel, message)


def encoded(image: Image.Image) -> bytes:
    """Write a picture as a file somebody uploads."""
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def is_reddish(picture: Pixels) -> bool:
    """Tell whether the thing is red, or pink: hearts shade from one to the other."""
    return rules.has_colour(picture, "red") or rules.has_colour(picture, "pink")


async def test_variations_and_descriptions_keep_what_is_seen(channel: Channel) -> None:
    message, picture = await single(channel, HEART)
    assert rules.background(np.asarray(picture)) == "blue"
    assert rules.has_colour(np.asarray(picture), "red")

    for label in ("Vary (Subtle)", "Vary (Strong)"):
        answer = await channel.ada.press(message, label)
        varied = await shown(channel, await channel.finished(answer.message))
        seen = list(quarters(varied))
        assert [rules.background(quarter) for quarter in seen] == ["blue"] * 4
        assert all(is_reddish(quarter) for quarter in seen)

    answer = await channel.ada.slash("variations", image=("heart.png", encoded(picture)))
    seen = list(quarters(await shown(channel, await channel.finished(answer.message))))
    assert [rules.background(quarter) for quarter in seen] == ["blue"] * 4
    assert all(is_reddish(quarter) for quarter in seen)
    assert any((one != other).any() for one in seen for other in seen)

    answer = await channel.ada.slash("describe", image=("heart.png", encoded(picture)))
    told = await channel.ada.wait_for(
        lambda seen: seen.id == answer.message.id and seen.labels == LABELS
    )
    assert "heart" in told.content
    assert "blue background" in told.content


async def test_a_subtle_variation_of_any_picture_keeps_its_composition(channel: Channel) -> None:
    picture = Image.new("RGB", (256, 256), "blue")
    ImageDraw.Draw(picture).ellipse((24, 120, 120, 216), fill="yellow")
    answer = await channel.ada.slash("variations", image=("disc.png", encoded(picture)))
    for quarter in quarters(await shown(channel, await channel.finished(answer.message))):
        height, width = quarter.shape[:2]
        asked = rules.things(np.asarray(picture.resize((width, height))))
        drawn = rules.things(quarter)
        assert (asked & drawn).sum() > 0.6 * (asked | drawn).sum()


async def test_a_blend_lies_between_its_pictures(channel: Channel) -> None:
    _, heart = await single(channel, HEART)
    _, car = await single(channel, CAR)
    files: dict[str, Any] = {
        "image1": ("heart.png", encoded(heart)),
        "image2": ("car.png", encoded(car)),
    }

    async def ground(weights: str) -> npt.NDArray[np.float64]:
        """Return the mean colour of the frames that a blend's pictures have."""
        answer = await channel.ada.slash("blend", **files, weights=weights)
        grid = await shown(channel, await channel.finished(answer.message))
        frames = [np.concatenate([one[:8], one[-8:]]) for one in quarters(grid)]
        mean: npt.NDArray[np.float64] = np.mean(frames, axis=(0, 1, 2))
        return mean

    # From the heart's blue to the car's yellow: red rises, blue falls.
    mostly_heart, mostly_car = await ground("3 1"), await ground("1 3")
    assert mostly_car[0] > mostly_heart[0] + 60
    assert mostly_heart[2] > mostly_car[2] + 60
