"""Captions and pictures that find each other."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize

from engine.pocket.clip import CLIPStage, miscount
from tests.engine.pocket.library import make_work


@pytest.mark.parametrize(
    ("caption", "wrong"),
    [
        ("two red hearts on a blue background", "three red hearts on a blue background"),
        ("a cartoon of three cats", "a cartoon of two cats"),
        ("a red apple and a blue car", "a red apple and a blue car"),
        ("a twofold network", "a twofold network"),
    ],
)
def test_captions_are_miscounted_where_they_count(caption: str, wrong: str) -> None:
    assert miscount(caption) == wrong


def test_a_miscounted_caption_is_right_for_no_picture(tmp_path: Path) -> None:
    make_work(tmp_path, pictures=40, blends=1)
    stage = CLIPStage(tmp_path)
    captions = ["two red hearts", "a green car"]
    with torch.no_grad():
        right = normalize(stage._embed_texts(captions), dim=-1)
        (wrong,) = normalize(stage._embed_texts(["three red hearts"]), dim=-1)
        fooled = torch.stack([wrong, right[1]])
        loss, figures = stage._compare(right, captions)
        worse, _ = stage._compare(fooled, captions)
        alone, _ = stage._compare(fooled[1:], captions[1:])
    assert figures["found"] == 1
    assert worse > loss + 0.5
    assert alone < 0.01
