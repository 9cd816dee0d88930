"""Which words of a prompt matter, to the built-in model."""

from __future__ import annotations

import pytest

from engine.api import Shorten, Shortened
from engine.devices import find_device
from engine.models.catalog import Catalog
from engine.models.store import ModelStore
from engine.words import Reader


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(
        ModelStore(
            catalog=Catalog.load(),
            models_dir=tmp_path_factory.mktemp("models"),
            device=find_device(cpu_only=True),
            budget_bytes=2**33,
        )
    )


def shorten(reader: Reader, prompt: str) -> Shortened:
    answer = reader.read(Shorten(model="pocket", prompt=prompt), {}).answer
    assert isinstance(answer, Shortened)
    return answer


def test_a_thing_and_its_backdrop_weigh_more_than_the_words_between(reader: Reader) -> None:
    answer = shorten(reader, "a picture of a cat on a yellow background")
    weights = {word.word: word.weight for word in answer.words}
    assert weights["cat"] == max(weights.values()) == 1
    assert weights["yellow"] > max(weights["of"], weights["on"], weights["a"])


def test_every_prompt_is_shorter_and_keeps_the_order_of_words(reader: Reader) -> None:
    prompt = "a very big, beautiful picture of a green car on a white background, highly detailed"
    answer = shorten(reader, prompt)
    assert [word.word for word in answer.words] == prompt.split()
    lengths = [len(shorter.split()) for shorter in answer.prompts]
    assert len(lengths) == 5
    assert lengths == sorted(set(lengths), reverse=True)
    assert lengths[0] < len(prompt.split())
    for shorter in answer.prompts:
        rest = iter(prompt.replace(",", "").split())
        assert all(word in rest for word in shorter.replace(",", "").split())


@pytest.mark.parametrize(
    ("prompt", "count"), [("cat", 0), ("red cat", 1), ("a red cat", 2)], ids=str
)
def test_few_words_have_few_shorter_prompts(reader: Reader, prompt: str, count: int) -> None:
    assert len(shorten(reader, prompt).prompts) == count


def test_a_prompt_of_many_chunks_is_weighed_to_its_end(reader: Reader) -> None:
    words = shorten(reader, " ".join([*["and so on,"] * 20, "a cat"])).words
    assert words[-1].word == "cat"
    assert words[-1].weight > 0.1
