"""The pocket model's tokenizer: CLIP's byte-level BPE with a small vocabulary of its own.

The vocabulary is learned from the words captions are made of, and from the labels and tags of all
emoji so that a word no picture was ever shown for still falls into few pieces.
"""

import json
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from engine.pocket.architecture import MAX_TOKENS
from engine.pocket.concepts import CONCEPTS
from engine.pocket.icons import load_names

VOCABULARY_SIZE = 4096
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


def train_tokenizer(texts: list[str], folder: Path) -> CLIPTokenizer:
    """Learn a vocabulary from `texts` and save it in the layout of a diffusers checkpoint."""
    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    bpe.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE - 2 - 256,
        min_frequency=2,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    model = json.loads(bpe.to_str())["model"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*alphabet, *(letter + "</w>" for letter in alphabet)]
    merges = [tuple(merge) for merge in model["merges"]]
    pieces += ["".join(merge) for merge in merges]
    vocabulary = {piece: i for i, piece in enumerate([*dict.fromkeys(pieces), START, END])}
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
