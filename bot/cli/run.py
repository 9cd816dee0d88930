"""`easel`: the bot, in a local channel or on Discord."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import webbrowser
from collections.abc import AsyncIterator

import discord

from bot.app import open_bot
from bot.cli.start import REFUSALS, open_executor
from bot.cli.stop import EXIT_STOPPED, StoppedAtOnceError, stopping
from bot.dispatch.leadership import LeaseLostError
from bot.pictures.addresses import PUBLIC, Reach
from bot.playground import Playground, point_discord_at
from bot.settings import Settings
from storage import DatabaseLostError

EXIT_LOST = 1
EXIT_REFUSED = 2


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Run the bot until the terminal or the system says stop."""
    try:
        asyncio.run(_run(settings, browser=options.browser, port=options.port))
    except discord.LoginFailure:
        print(
            "easel: Discord refuses the token in DISCORD_TOKEN. Copy it again from the developer"
            " portal (Bot, Reset Token), or remove it to use the local channel.",
            file=sys.stderr,
        )
        return EXIT_REFUSED
    except DatabaseLostError as error:
        print(f"easel: {error}. No job is lost: start again when it is back.", file=sys.stderr)
        return EXIT_LOST
    except (*REFUSALS, LeaseLostError) as error:
        print(f"easel: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except StoppedAtOnceError:
        return EXIT_STOPPED
    return 0


async def _run(settings: Settings, *, browser: bool, port: int | None) -> None:
    print("Easel", flush=True)
    async with (
        stopping() as stop,
        _channel(settings, port=port) as (token, where, reach),
        open_executor(settings) as started,
    ):
        print(f"  model    {started.card.title} on {started.device_name}", flush=True)
        async with open_bot(
            settings,
            token=token,
            executor=started.executor,
            catalog=started.catalog,
            default_model=started.card.name,
            reach=reach,
        ):
            print(f"  channel  {where}\n\nPress Ctrl-C to stop.", flush=True)
            if browser and where.startswith("http"):
                await asyncio.to_thread(webbrowser.open, where)
            await stop.wait()
            print(
                f"\nStopping: {settings.drain_seconds:g} s for what is being drawn."
                " Ctrl-C again stops at once.",
                flush=True,
            )


@contextlib.asynccontextmanager
async def _channel(
    settings: Settings, *, port: int | None
) -> AsyncIterator[tuple[str, str, Reach]]:
    """Yield the bot's token, where to find it, and where links may lead.

    It is found on Discord, or in a local channel of our own, whose pictures have links too.
    """
    if settings.discord_token is not None:
        yield settings.discord_token.get_secret_value(), "Discord", PUBLIC
        return
    wanted = settings.playground_port if port is None else port
    async with contextlib.AsyncExitStack() as stack:
        try:
            playground = await stack.enter_async_context(Playground(port=wanted))
        except OSError:
            # The port is in use, perhaps by another Easel: any free one serves as well.
            playground = await stack.enter_async_context(Playground(port=0))
        stack.enter_context(point_discord_at(playground.base_url))
        yield (
            playground.bot_token,
            playground.page_url,
            Reach(also=frozenset({playground.endpoint})),
        )
