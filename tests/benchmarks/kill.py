"""Many kills: `python -m tests.benchmarks.kill --kills 200 [--seed 1] [--database-url URL]`.

Jobs arrive while the bot and its workers are killed at random moments. Prints the accounts, and
fails where a job was lost or shown twice.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from bot.playground import Playground
from tests.e2e.process import killable
from tests.e2e.storm import Report, storm


async def run(options: argparse.Namespace, data_dir: Path) -> Report:
    """Run one storm."""
    url = options.database_url or f"sqlite:///{data_dir / 'easel.db'}"
    arguments = ("--light", str(options.draw_seconds), "--database-url", url)
    async with (
        Playground() as playground,
        killable(playground, data_dir, *arguments) as bot,
        playground.human("Ada") as ada,
    ):
        return await storm(
            bot,
            ada,
            url,
            kills=options.kills,
            chance=random.Random(options.seed),
            bot_share=options.bot_share,
        )


def main() -> int:
    """Print the accounts; return 1 where they are wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--draw-seconds", type=float, default=0.15)
    parser.add_argument("--bot-share", type=float, default=0.35)
    parser.add_argument("--database-url")
    options = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(run(options, Path(folder)))
    print(f"kills          {report.bot_kills} of the bot, {report.worker_kills} of a worker")
    print(f"commands       {report.asked} typed, {report.states.total()} accepted")
    print(f"ended          {dict(report.states)}")
    print(f"attempts       {dict(sorted(report.attempts.items()))}")
    print(f"lost           {report.not_shown + report.undelivered}")
    print(f"shown twice    {report.shown_twice}")
    print(f"took           {time.monotonic() - begun:.0f} s")
    return 0 if report.is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
