"""The pocket model's tokenizer: CLIP's byte-level BPE with a small vocabulary of its own.

The vocabulary is learned from the words captions are made of, and from the labels and tags of all
emoji so that a word no picture was ever shown for still falls into few pieces.
"""

import json
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from engine.pocket.architecture import MAX_TOKENS
from engine.pocket.chinese import COLOURS, COUNTS, PLACES, STYLES
from engine.pocket.concepts import CONCEPTS
from engine.pocket.icons import load_names

VOCABULARY_SIZE = 4096
MORE_PIECES = 2400
START, END = "<|startoftext|>", "<|endoftext|>"
CAPTION_WORDS = """
a an the and of on in at with next to above under two three four small big photo picture image
drawing illustration render 3d style cartoon flat vector icon emoji art background solid plain
gradient color red orange yellow green teal blue purple pink brown black white gray grey silver gold
light dark sky night starry stars space clouds cloudy meadow grass field sunset beach sea ocean
water underwater snow winter desert left right top bottom center striped cute beautiful bright , .
"""


def corpus(npm_folder: Path) -> list[str]:
    """List the texts to learn from, repeated by how often captions will use them."""
    texts = CAPTION_WORDS.split() * 200
    for concept in CONCEPTS:
        texts += concept.names * 100
    for record in load_names(npm_folder):
        texts += [record["label"]] * 4 + record.get("tags", [])
    return texts


def chinese_corpus() -> list[str]:
    """List Chinese phrases as captions write them: words alone, and inside a sentence."""
    colours, names = list(COLOURS.values()), [word for c in CONCEPTS for word in c.chinese]
    others = [
        word for table in (PLACES, STYLES, COUNTS) for words in table.values() for word in words
    ]
    texts = [*others, *(f"{word}的" for word in others), *"，左右" * 4]
    for colour in colours:
        texts += [colour, f"{colour}的", f"{colour}背景", f"{colour}背景上的", f"{colour}渐变"]
    for i, name in enumerate(names):
        colour = colours[i % len(colours)]
        texts += [name, f"{name}和", f"{colour}的{name}", f"{colour[:-1]}{name}", f"一个{name}"]
        texts += [f"左边是{name}", f"右边是{name}", f"左边的{name}", f"右边的{name}"]
    return texts * 4


def _learn_merges(texts: list[str], size: int) -> list[tuple[str, str]]:
    """Learn merges of byte pairs from texts, for a vocabulary of `size` pieces."""
    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    bpe.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return [tuple(merge) for merge in json.loads(bpe.to_str())["model"]["merges"]]


def train_tokenizer(texts: list[str], folder: Path) -> CLIPTokenizer:
    """Learn a vocabulary from `texts` and save it in the layout of a diffusers checkpoint."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = _learn_merges(texts, VOCABULARY_SIZE - 2 - 256)
    pieces = [*alphabet, *(letter + "</w>" for letter in alphabet), *map("".join, merges)]
    vocabulary = {piece: i for i, piece in enumerate([*dict.fromkeys(pieces), START, END])}
    return _save(vocabulary, merges, folder)


def extend_tokenizer(texts: list[str], folder: Path) -> CLIPTokenizer:
    """Append what `texts` add to a saved vocabulary; the ids that a model has learned stay."""
    vocabulary: dict[str, int] = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    merges = [(first, second) for first, second in (line.split(" ") for line in lines)]
    merges += [merge for merge in _learn_merges(texts, MORE_PIECES) if merge not in merges]
    for merge in merges:
        vocabulary.setdefault("".join(merge), len(vocabulary))
    return _save(vocabulary, merges, folder)


def _save(vocabulary: dict[str, int], merges: list[tuple[str, str]], folder: Path) -> CLIPTokenizer:
    """Save a tokenizer."""
    tokenizer = CLIPTokenizer(
        vocab=vocabulary,
        merges=merges,
        model_max_length=MAX_TOKENS,
        bos_token=START,
        eos_token=END,
        unk_token=END,
        pad_token=END,
    )
    tokenizer.save_pretrained(folder)
    # The two files every other reader of a CLIP tokenizer expects.
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(merge) for merge in merges), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    return tokenizer
