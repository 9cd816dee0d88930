"""What a picture shows, told from its pixels by plain rules: no model takes part.

The rules fit simple pictures only: things in strong colours before one plain colour.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from engine.pocket.colours import BACKGROUNDS, Mask, Pixels, name_colour

FRAME = 4
# Distances in CIELAB, where about 2 is the least that an eye tells apart.
THING_DISTANCE = 22.0
# Shares of the picture, and of its largest thing, below which a patch is no thing of its own.
SMALLEST_THING = 0.02
SMALLEST_BESIDE = 0.3
SMALLEST_COLOUR = 0.012
COLOUR_STEP = 32


def _lab(pixels: Pixels) -> npt.NDArray[np.float32]:
    """Return CIELAB values (D65; CIE 15:2004). (..., 3), float32."""
    linear = pixels.astype(np.float32) / 255
    linear = np.where(linear > 0.04045, ((linear + 0.055) / 1.055) ** 2.4, linear / 12.92)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = linear @ (to_xyz / np.array([[0.9505], [1.0], [1.089]])).T
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def _ground(pixels: Pixels) -> Pixels:
    """Return the colour of the picture's frame: the median of its outermost pixels. (3,), uint8."""
    inner = (slice(FRAME, -FRAME), slice(FRAME, -FRAME))
    is_frame = np.ones(pixels.shape[:2], dtype=bool)
    is_frame[inner] = False
    ground: Pixels = np.median(pixels[is_frame], axis=0).astype(np.uint8)
    return ground


def background(pixels: Pixels) -> str:
    """Name a plain background: the nearest of the colours that captions know."""
    names = list(BACKGROUNDS)
    known = _lab(np.array([BACKGROUNDS[name] for name in names], dtype=np.uint8))
    return names[int(np.linalg.norm(known - _lab(_ground(pixels)), axis=-1).argmin())]


def things(pixels: Pixels) -> Mask:
    """Tell things from a plain background. (H, W), bool."""
    distance = np.linalg.norm(_lab(pixels) - _lab(_ground(pixels)), axis=-1)
    mask: Mask = ndimage.binary_opening(distance > THING_DISTANCE, iterations=1)
    return mask


def count(pixels: Pixels) -> int:
    """Count the things: patches apart from each other, of which none is a mere speck."""
    labels, _ = ndimage.label(things(pixels))
    sizes = np.bincount(labels.ravel())[1:]
    if not len(sizes):
        return 0
    least = max(SMALLEST_THING * labels.size, SMALLEST_BESIDE * sizes.max())
    return int((sizes >= least).sum())


def _colour_names(pixels: Pixels) -> npt.NDArray[np.str_]:
    """Name every pixel's colour, in steps too small to see. (H, W), str."""
    coarse = Image.fromarray(pixels).convert("HSV")
    hsv = np.asarray(coarse).astype(float) * np.array([360 / 256, 1 / 255, 1 / 255])
    steps = np.round(hsv * np.array([0.5, COLOUR_STEP, COLOUR_STEP])).astype(int)
    keys, where = np.unique(steps.reshape(-1, 3), axis=0, return_inverse=True)
    names = [name_colour(2 * h, s / COLOUR_STEP, v / COLOUR_STEP) for h, s, v in keys]
    return np.array(names)[where].reshape(pixels.shape[:2])


def has_colour(pixels: Pixels, colour: str) -> bool:
    """Tell whether more of the things has a colour than has any other."""
    names = _colour_names(pixels)[things(pixels)]
    if not len(names):
        return False
    found, counts = np.unique(names, return_counts=True)
    return bool(found[counts.argmax()] == colour)


def is_left_of(pixels: Pixels, first: str, second: str) -> bool:
    """Tell whether what has one colour stands to the left of what has another."""
    names, mask = _colour_names(pixels), things(pixels)
    sides = []
    for colour in (first, second):
        columns = np.nonzero(mask & (names == colour))[1]
        if len(columns) < SMALLEST_COLOUR * mask.size:
            return False
        sides.append(np.median(columns) / pixels.shape[1])
    return bool(sides[0] < sides[1] - 0.15)
