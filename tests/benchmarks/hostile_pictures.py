"""What comes through the door for pictures: `python -m tests.benchmarks.hostile_pictures`.

Counts what of the tables of hostile links and files is refused, how long that takes, and how long
other people's commands wait meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bot.pictures.addresses import Reach
from bot.pictures.decode import Decoder, PictureRefusedError
from bot.pictures.fetch import Fetcher, LinkRefusedError
from tests.bot.pictures.files import bomb, png_suite
from tests.bot.pictures.test_decode import HOSTILE
from tests.bot.pictures.test_fetch import LOOPBACK, NO_LINKS, OTHER_NETWORKS, canary
from tests.e2e.channel import open_channel
from tests.light.executor import LightExecutor


async def links() -> str:
    """Try every hostile link; return what came of it."""
    async with canary() as bird:
        spelled = [f"http://{host}:{bird.port}/" for host in LOOPBACK.split()]
        hostile = [*spelled, *OTHER_NETWORKS.split(), *NO_LINKS]
        refused, longest = 0, 0.0
        async with Fetcher(reach=Reach(ports=frozenset({80, 443, bird.port}))) as fetcher:
            for link in hostile:
                begun = time.monotonic()
                try:
                    await fetcher.fetch(link)
                except LinkRefusedError:
                    refused += 1
                longest = max(longest, time.monotonic() - begun)
        return (
            f"links: {refused} of {len(hostile)} refused, the slowest in {longest * 1000:.0f} ms,"
            f" {len(bird.seen)} connections to the canary"
        )


async def files(name: str, table: Mapping[str, bytes]) -> str:
    """Try every file; return what came of it."""
    decoder = Decoder()
    refused, seconds = 0, []
    for data in table.values():
        begun = time.monotonic()
        try:
            await decoder.decode(data)
        except PictureRefusedError:
            refused += 1
        seconds.append(time.monotonic() - begun)
    return (
        f"{name}: {refused} of {len(table)} refused, {statistics.median(seconds) * 1000:.0f} ms"
        f" each, the slowest in {max(seconds) * 1000:.0f} ms"
    )


async def others(commands: int) -> str:
    """Open bombs for one person; return how long another waits for answers meanwhile."""
    large = bomb((5_700, 5_700), colour_type=6)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            LightExecutor.open(seconds=0.05) as executor,
            open_channel(Path(folder), executor) as channel,
        ):
            channel.playground.rate_limits.is_enabled = False
            for number in range(8):
                await channel.ada.slash("variations", image=(f"{number}.png", large))
            waits = []
            for _ in range(commands):
                begun = time.monotonic()
                await channel.ben.slash("queue")
                waits.append((time.monotonic() - begun) * 1000)
    p99 = statistics.quantiles(waits, n=100)[98]
    return (
        f"others: {commands} answers while 8 bombs were opened, p50"
        f" {statistics.median(waits):.1f} ms, p99 {p99:.0f} ms, max {max(waits):.0f} ms"
    )


async def main(commands: int) -> None:
    """Print the figures."""
    print(await links())
    print(await files("valid PNGs", png_suite("valid")))
    print(await files("corrupt PNGs", png_suite("corrupt")))
    print(await files("hostile files", HOSTILE))
    print(await others(commands))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", type=int, default=200)
    asyncio.run(main(parser.parse_args().commands))
