"""Slash commands and the menus of messages, one file per family."""

from typing import Any

from discord import app_commands

from bot.commands.blend import blend
from bot.commands.describe import describe
from bot.commands.help import help_
from bot.commands.imagine import imagine
from bot.commands.queue import queue
from bot.commands.shorten import shorten
from bot.commands.variations import variations, variations_menu

__all__ = ["COMMANDS"]

COMMANDS: tuple[app_commands.Command[Any, ..., None] | app_commands.ContextMenu, ...] = (
    blend,
    describe,
    help_,
    imagine,
    queue,
    shorten,
    variations,
    variations_menu,
)
