"""Openly licensed emoji art as RGBA arrays, joined to the concepts by Unicode code point.

The art comes from npm packages under MIT and Apache-2.0 (see NOTICE) that `npm pack` downloads.
This module knows how the packages are laid out; it does not know what is done with the pictures.
"""

import io
import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.pocket.concepts import CONCEPTS, Concept

Pixels = npt.NDArray[np.uint8]

ICON_SIZE = 144
NAMES_PACKAGE = "emojibase-data@17.0.0"
RENDER_PACKAGE = "@lobehub/fluent-emoji-3d@1.1.0"
FLAT_PACKAGE = "@iconify-json/fluent-emoji-flat@1.2.6"
# Style: package of SVGs, package that gives their names' code points.
DRAWN_PACKAGES = {
    "glossy": ("@iconify-json/fluent-emoji@1.2.7", FLAT_PACKAGE),
    "flat": (FLAT_PACKAGE, FLAT_PACKAGE),
    "cartoon": ("@iconify-json/noto@1.2.9", "@iconify-json/noto@1.2.9"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Art:
    """One drawing of one concept. pixels: (144, 144, 4), uint8, RGBA."""

    concept: Concept
    style: str
    pixels: Pixels


def _unpack(package: str, folder: Path) -> Path:
    """Download one npm package unless its tarball is there already, and unpack it."""
    name, version = package.rsplit("@", 1)
    stem = f"{name.lstrip('@').replace('/', '-')}-{version}"
    target = folder / stem
    if not target.exists():
        tarball = folder / f"{stem}.tgz"
        if not tarball.exists():
            npm = shutil.which("npm")
            if npm is None:
                raise FileNotFoundError(f"npm is needed to download {package}")
            # The package names are constants of this module.
            subprocess.run([npm, "pack", package, "--silent"], cwd=folder, check=True)  # noqa: S603
        with tarfile.open(tarball) as archive:
            archive.extractall(target, filter="data")
    return target / "package"


def _code_points(hexcode: str) -> str:
    """Write a sequence of code points in one way: lower case, without the variation selector."""
    return "-".join(part for part in hexcode.lower().split("-") if part != "fe0f")


def load_names(folder: Path) -> list[dict[str, Any]]:
    """Read emojibase's English records: label, hexcode and tags of every emoji."""
    file = _unpack(NAMES_PACKAGE, folder) / "en" / "data.json"
    records: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return records


def _concepts_by_code_points(folder: Path) -> dict[str, Concept]:
    """Look every concept's label up in emojibase."""
    code_points = {
        record["label"]: _code_points(record["hexcode"]) for record in load_names(folder)
    }
    missing = [concept.label for concept in CONCEPTS if concept.label not in code_points]
    if missing:
        raise LookupError(f"emojibase has no emoji labelled {missing}")
    return {code_points[concept.label]: concept for concept in CONCEPTS}


def _rasterise(icon: dict[str, Any], *, side: int) -> Pixels:
    """Draw one iconify icon."""
    import resvg_py

    width, height = icon.get("width", side), icon.get("height", side)
    left, top = icon.get("left", 0), icon.get("top", 0)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{left} {top} {width} {height}" width="{ICON_SIZE}" height="{ICON_SIZE}">'
        f"{icon['body']}</svg>"
    )
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=ICON_SIZE, height=ICON_SIZE))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def _drawn(style: str, wanted: dict[str, Concept], folder: Path) -> list[Art]:
    """Rasterise the wanted icons of one style."""
    drawings, naming = (_unpack(package, folder) for package in DRAWN_PACKAGES[style])
    icons: dict[str, Any] = json.loads((drawings / "icons.json").read_text(encoding="utf-8"))
    names = json.loads((naming / "chars.json").read_text(encoding="utf-8"))
    art = []
    for hexcode, name in names.items():
        concept = wanted.get(_code_points(hexcode))
        if concept is not None and name in icons["icons"]:
            pixels = _rasterise(icons["icons"][name], side=icons.get("height", 16))
            art.append(Art(concept=concept, style=style, pixels=pixels))
    return art


def _rendered(wanted: dict[str, Concept], folder: Path) -> list[Art]:
    """Read the wanted pictures of the three-dimensional set."""
    art = []
    for file in sorted((_unpack(RENDER_PACKAGE, folder) / "assets").glob("*.webp")):
        concept = wanted.get(_code_points(file.stem))
        if concept is not None:
            image = Image.open(file).convert("RGBA")
            pixels = np.asarray(image.resize((ICON_SIZE, ICON_SIZE), Image.Resampling.LANCZOS))
            art.append(Art(concept=concept, style="3d", pixels=pixels))
    return art


def load_art(folder: Path) -> list[Art]:
    """Collect every drawing of every concept, downloading what is missing into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = _concepts_by_code_points(folder)
    art = _rendered(wanted, folder)
    for style in DRAWN_PACKAGES:
        art += _drawn(style, wanted, folder)
    return art
