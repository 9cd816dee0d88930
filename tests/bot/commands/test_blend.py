"""A blend is a prompt of pictures alone."""

from __future__ import annotations

import pytest

from bot.commands.blend import blend_prompt
from bot.errors import UserError
from bot.prompt import ImagePrompt, Ratio, parse

CAT, DOG = "https://a.b/cat.png", "https://a.b/dog.png"


def test_a_blend_reads_as_pictures_with_weights_and_a_shape() -> None:
    prompt = parse(blend_prompt([CAT, DOG], "2, .5", "2:3"))
    assert prompt.images == (ImagePrompt(CAT, 2), ImagePrompt(DOG, 0.5))
    assert (prompt.parts, prompt.parameters.ar) == ((), Ratio(2, 3))
    assert parse(blend_prompt([CAT, DOG], "", "1:1")).canonical() == f"{CAT} {DOG}"


@pytest.mark.parametrize(
    ("links", "weights", "said"),
    [([CAT, DOG], "1", "2 pictures and 1 weights"), ([CAT, CAT], "", "are the same")],
)
def test_what_is_no_blend_says_why(links: list[str], weights: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        blend_prompt(links, weights, "1:1")
