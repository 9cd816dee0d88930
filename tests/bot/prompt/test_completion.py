from __future__ import annotations

import pytest

from bot.prompt import Vocabulary, complete

HERE = Vocabulary(models=("pocket", "sdxl"), loras=("pixels", "pin"))


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        pytest.param("a cat", [], id="text"),
        pytest.param(
            "a cat --s",
            [
                "a cat --sref",
                "a cat --sw",
                "a cat --stylize",
                "a cat --style",
                "a cat --stop",
                "a cat --steps",
                "a cat --sampler",
                "a cat --seed",
                "a cat --sameseed",
            ],
            id="a name",
        ),
        pytest.param("a cat —asp", ["a cat --ar"], id="an alias behind an em-dash"),
        pytest.param("a --seed 1 --se", [], id="a flag that is given already"),
        pytest.param("a --model ", ["a --model pocket", "a --model sdxl"], id="a value"),
        pytest.param("a --model s", ["a --model sdxl"], id="the rest of a value"),
        pytest.param("a --q .", [], id="a value in another spelling"),
        pytest.param("a --repeat 2 --see", [], id="a flag that another rules out"),
        pytest.param("https://a.b/c.png a --i", ["https://a.b/c.png a --iw"], id="behind a link"),
        pytest.param("a <lora:pi", ["a <lora:pixels>", "a <lora:pin>"], id="a LoRA"),
        pytest.param("a <lora:pin> b", [], id="behind a LoRA"),
        pytest.param("a --dr", ["a --draft"], id="a switch"),
        pytest.param(
            "a --raw --st",
            ["a --raw --stylize", "a --raw --stop", "a --raw --steps"],
            id="no second style",
        ),
        pytest.param("a --xyz 1", [], id="an unknown flag"),
    ],
)
def test_completions(typed: str, offered: list[str]) -> None:
    assert [completion.text for completion in complete(typed, HERE)] == offered
