"""Slash commands, one file per family."""

from typing import Any

from discord import app_commands

from bot.commands.help import help_
from bot.commands.imagine import imagine
from bot.commands.queue import queue

__all__ = ["COMMANDS"]

COMMANDS: tuple[app_commands.Command[Any, ..., None], ...] = (help_, imagine, queue)
