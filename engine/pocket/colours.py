"""The colours that captions name, and how a drawing is given one of them.

A drawing can be tinted when one hue (or one light grey) covers most of it. Tinting moves hue,
saturation and brightness together: a hue alone would leave a "pink notebook" dark brown.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
RGB = tuple[int, int, int]

BACKGROUNDS: dict[str, RGB] = {
    "white": (252, 252, 252),
    "black": (16, 16, 18),
    "red": (222, 38, 42),
    "orange": (250, 142, 34),
    "yellow": (253, 216, 50),
    "green": (58, 172, 76),
    "blue": (42, 104, 226),
    "purple": (136, 70, 202),
    "pink": (247, 148, 190),
    "gray": (142, 145, 150),
    "brown": (130, 85, 50),
    "teal": (28, 168, 162),
    "light blue": (160, 212, 250),
    "dark blue": (24, 38, 108),
    "beige": (238, 222, 190),
}
# Hue in degrees, saturation, brightness that a thing of this colour has on average.
TINTS: dict[str, tuple[float, float, float]] = {
    "red": (0, 0.85, 0.86),
    "orange": (28, 0.85, 0.97),
    "yellow": (50, 0.78, 0.98),
    "green": (125, 0.68, 0.68),
    "blue": (216, 0.80, 0.86),
    "purple": (275, 0.62, 0.76),
    "pink": (332, 0.46, 0.97),
    "brown": (26, 0.62, 0.50),
    "black": (220, 0.06, 0.17),
    "white": (220, 0.03, 0.96),
}
HUE_WINDOW = 38.0
NEUTRAL_HUE = 220.0
_HUE_LIMITS = (
    (16, "red"),
    (40, "orange"),
    (64, "yellow"),
    (165, "green"),
    (250, "blue"),
    (305, "purple"),
    (342, "pink"),
    (361, "red"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coat:
    """The part of a drawing that can be tinted. region: (H, W), bool."""

    colour: str
    hue: float
    saturation: float
    brightness: float
    region: Mask


def _hsv(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Return hue in degrees, saturation and brightness in [0, 1]. (H, W, 3), float32."""
    hsv = np.asarray(Image.fromarray(pixels[..., :3]).convert("HSV"), dtype=np.float32)
    return hsv * np.array([360 / 256, 1 / 255, 1 / 255], dtype=np.float32)


def _hue_distance(hue: npt.NDArray[np.float32], centre: float) -> npt.NDArray[np.float32]:
    """Return the signed distance on the colour circle, in degrees."""
    return (hue - centre + 180) % 360 - 180


def name_colour(hue: float, saturation: float, brightness: float) -> str:
    """Name a colour (degrees, 0 to 1, 0 to 1); dark orange is brown, pale red is pink."""
    if brightness < 0.2 or (saturation < 0.2 and brightness < 0.3):
        return "black"
    if saturation < 0.2:
        return "white" if brightness > 0.6 else "gray"
    if 8 <= hue <= 42 and brightness < 0.68:
        return "brown"
    if (hue > 300 or hue < 12) and saturation < 0.6 and brightness > 0.75:
        return "pink"
    return next(name for limit, name in _HUE_LIMITS if hue < limit)


def find_coat(pixels: Pixels) -> Coat | None:
    """Find the hue, or the light grey, that covers most of a drawing. pixels: RGBA."""
    opaque = pixels[..., 3] > 128
    hsv = _hsv(pixels)
    hue, saturation, brightness = hsv[..., 0], hsv[..., 1], hsv[..., 2]
    coloured = opaque & (saturation > 0.28) & (brightness > 0.2)
    pale = opaque & (saturation < 0.2) & (brightness > 0.45)
    if coloured.sum() > 0.4 * opaque.sum():
        bins = np.bincount((hue[coloured] // 10).astype(int), minlength=36)[:36]
        centre = float(np.argmax(bins + np.roll(bins, 1) + np.roll(bins, -1)) * 10 + 5)
        region = opaque & (saturation > 0.16) & (np.abs(_hue_distance(hue, centre)) < HUE_WINDOW)
    elif pale.sum() > 0.6 * opaque.sum():
        centre, region = NEUTRAL_HUE, pale
    else:
        return None
    if region.sum() < 0.5 * opaque.sum():
        return None
    if centre != NEUTRAL_HUE or saturation[region].mean() > 0.2:
        centre = float((centre + _hue_distance(hue[region], centre).mean()) % 360)
    means = (float(saturation[region].mean()), float(brightness[region].mean()))
    return Coat(
        colour=name_colour(centre, *means),
        hue=centre,
        saturation=means[0],
        brightness=means[1],
        region=region,
    )


def tint(pixels: Pixels, coat: Coat, colour: str) -> Pixels:
    """Give a drawing's coat a named colour, keeping its shading. Returns RGBA like `pixels`."""
    hsv = _hsv(pixels)
    hue, saturation, brightness = TINTS[colour]
    shade = hsv[..., 2] / max(coat.brightness, 0.05)
    depth = hsv[..., 1] / max(coat.saturation, 0.05) if coat.saturation > 0.2 else 1.0
    tinted = np.stack(
        [
            (hue + 0.4 * _hue_distance(hsv[..., 0], coat.hue)) % 360 * (256 / 360),
            255 * np.clip(saturation * np.sqrt(depth * np.ones_like(shade)), 0, 1),
            255 * np.clip(brightness * np.minimum(shade, 1.25) ** 0.8, 0, 1),
        ],
        axis=-1,
    )
    if coat.saturation <= 0.2:
        tinted[..., 0] = hue * (256 / 360)
    rgb = np.asarray(Image.fromarray(tinted.astype(np.uint8), "HSV").convert("RGB"))
    rgb = np.where(coat.region[..., None], rgb, pixels[..., :3])
    return np.dstack([rgb, pixels[..., 3]])
