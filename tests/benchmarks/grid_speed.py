"""How fast a grid is: `python tests/benchmarks/grid_speed.py [--model pocket] [--runs 5]`.

Draws grids through the real executor, from the submit to the last picture's bytes, and prints
medians by stage and the worker's memory. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
import sys
import time
from pathlib import Path

import psutil

from engine.api import Finished, TextToImage, WorkItem
from engine.executors.local import LocalExecutor
from engine.models.card import ModelCard
from engine.models.catalog import Catalog


def make_request(card: ModelCard, *, seed: int, num_images: int) -> TextToImage:
    width, height = card.default_size
    return TextToImage(
        model=card.name,
        prompt="three red hearts on a blue background",
        height=height,
        width=width,
        seed=seed,
        num_images=num_images,
        num_inference_steps=card.num_inference_steps,
        guidance_scale=card.guidance_scale,
        denoising_end=card.denoising_end,
    )


async def draw(
    executor: LocalExecutor, request: TextToImage, job_id: int
) -> tuple[float, Finished]:
    """Return the seconds from submit to the last event, and that event."""
    started = time.perf_counter()
    await executor.submit("local:0", [WorkItem(job_id=job_id, fence=1, request=request)])
    async for event in executor.events():
        if isinstance(event, Finished) and event.job_id == job_id:
            return time.perf_counter() - started, event
    raise RuntimeError("the executor was closed")


async def measure(options: argparse.Namespace) -> None:
    executor = LocalExecutor(
        models_dir=options.models_dir, device=options.device, threads=options.threads
    )
    started = time.perf_counter()
    await executor.start()
    booted = time.perf_counter()
    try:
        card = Catalog.load()[options.model]
        await executor.load(card.name)
        loaded = time.perf_counter()
        (slot, *_) = executor.slots()
        seconds: list[float] = []
        stages: dict[str, list[float]] = {}
        for run in range(options.runs + 1):
            request = make_request(card, seed=run, num_images=options.images)
            took, finished = await draw(executor, request, run + 1)
            if run:  # the first is for warming up
                seconds.append(took)
                for stage, value in finished.timings.items():
                    stages.setdefault(stage, []).append(value)
        memory = psutil.Process(executor.pids()["local:0"]).memory_info().rss
    finally:
        await executor.aclose()
    print(f"machine   {platform.platform()}, {psutil.cpu_count()} cores, python {sys.version[:6]}")
    print(f"device    {slot.device}: {slot.device_name}")
    print(
        f"start     {booted - started:.2f} s to ready, {loaded - booted:.2f} s to load and warm up"
    )
    width, height = card.default_size
    print(
        f"grid      {options.images} pictures, {card.name} {width}x{height},"
        f" {card.num_inference_steps} steps: median {statistics.median(seconds):.2f} s"
        f" of {options.runs} (fastest {min(seconds):.2f}, slowest {max(seconds):.2f})"
    )
    medians = {stage: statistics.median(values) for stage, values in stages.items()}
    print("stages    " + ", ".join(f"{stage} {value:.2f}" for stage, value in medians.items()))
    print(f"memory    {memory / 2**20:.0f} MB resident in the worker")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--models-dir", type=Path, default=Path("models"))
    parser.add_argument("--device", choices=["auto", "cpu"], default="auto")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--runs", type=int, default=5)
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
