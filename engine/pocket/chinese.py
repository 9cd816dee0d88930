"""Scenes in Chinese words. Written words stand close together, so a caption is few pieces long."""

import random
from typing import TYPE_CHECKING

from engine.pocket.backdrops import Backdrop

if TYPE_CHECKING:
    from engine.pocket.scenes import Scene, Thing

COLOURS = {
    "white": "白色",
    "black": "黑色",
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色",
    "green": "绿色",
    "blue": "蓝色",
    "purple": "紫色",
    "pink": "粉色",
    "gray": "灰色",
    "brown": "棕色",
    "teal": "青色",
    "light blue": "浅蓝色",
    "dark blue": "深蓝色",
    "beige": "米色",
}
PLACES = {
    "night": ("夜空中", "太空中", "星空中"),
    "sky": ("天空中", "蓝天白云"),
    "meadow": ("草地上", "草原上"),
    "sunset": ("日落时", "夕阳下"),
    "sea": ("水下", "海底", "海里"),
    "snow": ("雪地里", "雪中"),
    "beach": ("沙滩上", "海滩上"),
    "desert": ("沙漠里",),
}
STYLES = {
    "3d": ("3d", "立体"),
    "glossy": ("图标", "光泽"),
    "flat": ("扁平风格", "矢量图"),
    "cartoon": ("卡通", "卡通风格"),
}
SITES = {"left": "左边", "right": "右边", "small": "小小"}
COUNTS = {"two": ("两个", "两只"), "three": ("三个", "三只"), "four": ("四个", "四只")}


def describe_in_chinese(scene: "Scene", rng: random.Random) -> str:
    """Write a Chinese caption for a scene; a style is said half of the time."""
    parts = [_subject(scene, rng)]
    behind = _behind(scene.backdrop, rng)
    if behind and rng.random() < 0.55:
        joint = "" if behind[-1] in "里中上下时" else "上"
        parts[0] = f"{behind}{joint}的{parts[0]}"
    elif behind:
        parts.append(behind)
    style = scene.things[0].art.style
    if style != "3d" or rng.random() < 0.3:
        parts.append(rng.choice(STYLES[style]))
    return "，".join(parts)


def _behind(backdrop: Backdrop, rng: random.Random) -> str:
    """Say what stands behind."""
    if not backdrop.is_named:
        return ""
    if backdrop.place is not None:
        return rng.choice(PLACES[backdrop.place])
    gradient = "渐变" if len(backdrop.colours) == 2 else ""
    return f"{'和'.join(COLOURS[colour] for colour in backdrop.colours)}{gradient}背景"


def _words(thing: "Thing", rng: random.Random) -> str:
    """Name a thing with its colour: as `红色的苹果`, or shortly `红苹果`."""
    name = rng.choice(thing.art.concept.chinese)
    if thing.colour is None:
        return name
    colour = COLOURS[thing.colour]
    return f"{colour[:-1]}{name}" if rng.random() < 0.3 else f"{colour}的{name}"


def _subject(scene: "Scene", rng: random.Random) -> str:
    """Say what the scene shows, without what is behind."""
    first = _words(scene.things[0], rng)
    layout = scene.layout.value
    if layout == "pair":
        second = _words(scene.things[1], rng)
        if scene.is_side_by_side and rng.random() < 0.3:
            return f"左边是{first}，右边是{second}"
        return f"{first}和{second}"
    if layout in COUNTS:
        return f"{rng.choice(COUNTS[layout])}{first}"
    if layout in SITES:
        return f"{SITES[layout]}的{first}"
    return f"{rng.choice(('一个', '一只'))}{first}" if rng.random() < 0.4 else first
