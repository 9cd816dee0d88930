"""Scenes in words, the way people write prompts."""

import random
from typing import TYPE_CHECKING

from engine.pocket.backdrops import PLACES, Backdrop

if TYPE_CHECKING:
    from engine.pocket.scenes import Scene, Thing

STYLE_WORDS = {
    "3d": ("3d render", "3d render", "3d", "3d style"),
    "glossy": ("glossy icon", "glossy", "shiny icon", "icon"),
    "flat": ("flat vector", "flat style", "flat icon", "vector art"),
    "cartoon": ("cartoon", "cartoon style", "illustration"),
}
# A prompt without a style mostly gets the three-dimensional set. Only "cartoon" has designs of its
# own: it stays unsaid often, so that two seeds of one prompt may be two designs.
STYLE_SAID = {"3d": 0.25, "glossy": 0.45, "flat": 0.75, "cartoon": 0.45}
OPENINGS = ("a picture of", "an image of", "a drawing of", "a photo of")
ORNAMENTS = ("cute", "beautiful", "highly detailed", "simple", "minimalist", "high quality")
PLURALS = {
    "leaf": "leaves",
    "wolf": "wolves",
    "mouse": "mice",
    "fish": "fish",
    "sheep": "sheep",
    "bus": "buses",
    "cactus": "cacti",
    "octopus": "octopuses",
}
WITHOUT_ARTICLE = frozenset({"grapes", "cherries", "coffee", "corn", "bread", "cheese"})


def describe(scene: "Scene", rng: random.Random) -> str:
    """Write a caption for a scene."""
    subject = _subject(scene, rng)
    style = scene.things[0].art.style
    extras = []
    if rng.random() < STYLE_SAID[style]:
        extras.append(rng.choice(STYLE_WORDS[style]))
    if rng.random() < 0.06:
        extras.append(rng.choice(ORNAMENTS))
    if rng.random() < 0.05:
        subject = f"{rng.choice(OPENINGS)} {subject}"
    subject, behind = _behind(subject, scene.backdrop, rng)
    if behind:
        extras.insert(rng.randint(0, len(extras)), behind)
    return ", ".join([subject, *extras])


def _behind(subject: str, backdrop: Backdrop, rng: random.Random) -> tuple[str, str]:
    """Say what stands behind: in the sentence, or as a phrase after it."""
    if not backdrop.is_named:
        return subject, ""
    if backdrop.place is None:
        return _before_colours(subject, backdrop.colours, rng)
    words = rng.choice(PLACES[backdrop.place])
    if words.endswith("background") or rng.random() < 0.2:
        return subject, words
    return f"{subject} {words}", ""


def _before_colours(subject: str, colours: tuple[str, ...], rng: random.Random) -> tuple[str, str]:
    """Say which colours stand behind."""
    ground = f"{' and '.join(colours)}{' gradient' if len(colours) == 2 else ''} background"
    roll = rng.random()
    if roll < 0.55:
        return f"{subject} on {article(ground)}", ""
    if roll < 0.72:
        return f"{subject} on {ground}", ""
    if roll < 0.78 and len(colours) == 1:
        return subject, f"solid {ground}"
    return subject, ground


def article(words: str) -> str:
    """Put the indefinite article before words that take one."""
    if words.rsplit(maxsplit=1)[-1] in WITHOUT_ARTICLE:
        return words
    sounds_open = words[0] in "aeiou" and not words.startswith(("uni", "ufo"))
    return f"{'an' if sounds_open else 'a'} {words}"


def plural(name: str) -> str:
    """Write several of a thing."""
    head, of, rest = name.partition(" of ")
    if of:
        return f"{plural(head)} of {rest}"
    *front, last = name.split(" ")
    if last in PLURALS:
        last = PLURALS[last]
    elif last.endswith("y") and last[-2] not in "aeiou":
        last = f"{last[:-1]}ies"
    elif last.endswith(("s", "x", "ch", "sh")):
        last = last if last.endswith("s") and not last.endswith("ss") else f"{last}es"
    else:
        last = f"{last}s"
    return " ".join([*front, last])


def _words(thing: "Thing") -> str:
    """Name a thing with its colour, if it is to be said."""
    return f"{thing.colour} {thing.name}" if thing.colour else thing.name


def _pair(scene: "Scene", rng: random.Random) -> str:
    """Name two things; the first stands on the left, or above."""
    first, second = (article(_words(thing)) for thing in scene.things)
    roll = rng.random()
    if roll < 0.5:
        return f"{first} and {second}"
    if not scene.is_side_by_side:
        return f"{first} above {second}" if roll < 0.75 else f"{second} below {first}"
    if roll < 0.62:
        return f"{first} next to {second}"
    if roll < 0.78:
        return f"{first} to the left of {second}"
    if roll < 0.9:
        return f"{second} to the right of {first}"
    return f"{first} on the left, {second} on the right"


def _subject(scene: "Scene", rng: random.Random) -> str:
    """Say what the scene shows, without what is behind."""
    first = scene.things[0]
    single = _words(first)
    match scene.layout.value:
        case "two" | "three" | "four":
            words = (scene.layout.value, first.colour, plural(first.name))
            return " ".join(word for word in words if word)
        case "pair":
            return _pair(scene, rng)
        case "left" | "right":
            return f"{article(single)} on the {scene.layout.value}"
        case "small":
            single = f"small {single}"
    return article(single) if rng.random() < 0.6 else single
