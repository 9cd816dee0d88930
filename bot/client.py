"""The discord.py client: intents, command sync, and one handler for everything that goes wrong."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import aiohttp
import discord
from discord import app_commands

from bot.commands import COMMANDS
from bot.errors import answer_error
from bot.studio import Studio
from bot.views import DYNAMIC_ITEMS, submit_form

logger = logging.getLogger(__name__)


# Easel never speaks in voice channels, so it is no news that the libraries for it are absent.
discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False


class EaselClient(discord.Client):
    """The bot as Discord sees it. Needs no privileged intent."""

    studio: Studio
    """Set by the composition root before the client connects."""

    def __init__(
        self,
        *,
        sync_file: Path,
        connector: aiohttp.BaseConnector | None = None,
        guild_ready_timeout: float = 2.0,
        http_trace: aiohttp.TraceConfig,
    ) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            connector=connector,
            guild_ready_timeout=guild_ready_timeout,
            http_trace=http_trace,
        )
        self._sync_file = sync_file
        self.tree = CommandTree(self)
        self.online = asyncio.Event()

    async def setup_hook(self) -> None:
        """Register what users can type and press, before the gateway opens."""
        for command in COMMANDS:
            self.tree.add_command(command)
        self.add_dynamic_items(*DYNAMIC_ITEMS)
        await self._sync_commands()

    async def on_ready(self) -> None:
        """Say who we are."""
        logger.info("online as %s in %d servers", self.user, len(self.guilds))
        self.online.set()

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Take back a form, whichever process opened it."""
        if interaction.type is discord.InteractionType.modal_submit:
            await submit_form(interaction)

    async def _sync_commands(self) -> None:
        """Tell Discord our commands only when they changed: it allows 200 creations a day."""
        payload = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
        stamp = f"{self.application_id}:{digest}"
        known = {command.name for command in await self.tree.fetch_commands()}
        if known == {command.name for command in self.tree.get_commands()} and (
            await asyncio.to_thread(_read_text, self._sync_file) == stamp
        ):
            return
        await self.tree.sync()
        await asyncio.to_thread(self._sync_file.write_text, stamp)
        logger.info("commands synced")


class CommandTree(app_commands.CommandTree[EaselClient]):
    """The slash commands, and the sentence for each that failed."""

    async def on_error(
        self,
        interaction: discord.Interaction[EaselClient],
        error: app_commands.AppCommandError,
        /,
    ) -> None:
        """Answer a command that raised."""
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        await answer_error(interaction, cause)


def _read_text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
