"""`python -m engine.pocket STAGE`: make the pocket model, one stage at a time.

The order is data, tokenizer, vae and clip (side by side if you like), latents, base, refiner,
parents, latents again, tower, embeds, unclip, drawn, tower again, judge, export, samples. In place
of tokenizer, vae and clip, `unpack` takes all parts as the package ships them, and the stages go on
from there.
"""

import argparse
import logging
from functools import partial
from pathlib import Path

import torch
from rich.progress import Progress

from engine.pocket.training import Stage, Trainer

logger = logging.getLogger(__name__)

DEFAULT_WORK = Path.home() / ".cache" / "easel-pocket"
DEFAULT_MINUTES = {
    "vae": 25.0,
    "clip": 20.0,
    "base": 60.0,
    "refiner": 8.0,
    "unclip": 30.0,
    "tower": 30.0,
}


def make_shards_of(kind: str, work: Path, shards: int) -> None:
    """Make pictures: composed ones, blends of drawn ones, or drawn blends."""
    match kind:
        case "parents":
            from engine.pocket.parents import make_parents

            make_parents(work, shards)
        case "drawn":
            from engine.pocket.drawn import draw_blends

            draw_blends(work, shards)
        case _:
            make_data(work, shards)


def make_data(work: Path, shards: int) -> None:
    """Download the art and compose captioned pictures, and three fifths as many blends."""
    from engine.pocket.blends import compose_blends
    from engine.pocket.dataset import make_shards, save_scenes
    from engine.pocket.icons import load_art
    from engine.pocket.scenes import Composer

    composer = Composer(load_art(work / "npm"))
    kinds = (("data", shards, save_scenes), ("blends", 3 * shards // 5, compose_blends))
    with Progress() as bar:
        for name, count, save in kinds:
            advance = partial(bar.advance, bar.add_task(name, total=count))
            make_shards(work / name, count, partial(save, composer), on_shard=advance)


def make_tokenizer(work: Path) -> None:
    """Learn the vocabulary: English first, then Chinese beside it."""
    from engine.pocket.tokenizer import chinese_corpus, corpus, extend_tokenizer, train_tokenizer

    folder = work / "tokenizer"
    if not (folder / "vocab.json").exists():
        train_tokenizer(corpus(work / "npm"), folder)
    extend_tokenizer(chinese_corpus(), folder)


def make_latents(work: Path) -> None:
    """Encode every picture with the trained autoencoder."""
    from engine.pocket.latents import encode_shards

    encode_shards(work)


def open_stage(name: str, work: Path) -> Stage:
    """Open a stage that trains."""
    match name:
        case "vae":
            from engine.pocket.vae import VAEStage

            return VAEStage(work)
        case "clip":
            from engine.pocket.clip import CLIPStage

            return CLIPStage(work)
        case "base":
            from engine.pocket.diffusion import BaseStage

            return BaseStage(work)
        case "unclip":
            from engine.pocket.unclip import UnCLIPStage

            return UnCLIPStage(work)
        case "tower":
            from engine.pocket.tower import TowerStage

            return TowerStage(work)
        case _:
            from engine.pocket.diffusion import RefinerStage

            return RefinerStage(work)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m engine.pocket", description=__doc__)
    stages = (
        "data",
        "tokenizer",
        "unpack",
        "latents",
        "parents",
        "embeds",
        "drawn",
        *DEFAULT_MINUTES,
        "judge",
        "export",
        "samples",
    )
    parser.add_argument("stage", choices=stages)
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="folder to work in")
    parser.add_argument("--minutes", type=float, help="time budget of a stage that trains")
    parser.add_argument("--shards", type=int, default=40, help="thousands of pictures")
    parser.add_argument("--prompts", type=int, default=200, help="prompts that judge asks")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of this process")
    return parser.parse_args()


def main() -> None:
    """Run one stage."""
    arguments = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    match arguments.stage:
        case "data" | "parents" | "drawn" as kind:
            make_shards_of(kind, work, arguments.shards)
        case "tokenizer":
            make_tokenizer(work)
        case "latents":
            make_latents(work)
        case "unpack":
            from engine.pocket.export import WEIGHTS, unpack

            unpack(WEIGHTS, work)
        case "embeds":
            from engine.pocket.embeddings import embed_shards

            embed_shards(work)
        case "judge":
            from engine.pocket.judge import judge

            judge(work, arguments.prompts)
        case "export":
            from engine.pocket.export import export

            logger.info("weights bytes=%d", export(work))
        case "samples":
            from engine.pocket.drawing import draw_samples
            from engine.pocket.export import WEIGHTS

            draw_samples(WEIGHTS).save(WEIGHTS.parent / "samples.webp", quality=85)
        case name:
            minutes = arguments.minutes or DEFAULT_MINUTES[name]
            Trainer(open_stage(name, work), work).run(minutes)


if __name__ == "__main__":
    main()
