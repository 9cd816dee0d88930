"""The bot as a process of its own, to be killed: `python -m tests.e2e.bot_process URL TOKEN DIR`.

The same composition as `easel`, pointed at a local channel that outlives it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bot.app import open_bot
from bot.cli.start import open_executor
from bot.playground import point_discord_at
from tests.e2e.channel import settings_in


async def serve(base_url: str, token: str, data_dir: Path) -> None:
    """Run until killed."""
    settings = settings_in(data_dir)
    with point_discord_at(base_url):
        async with (
            open_executor(settings) as started,
            open_bot(
                settings,
                token=token,
                executor=started.executor,
                catalog=started.catalog,
                default_model="pocket",
            ),
        ):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
