"""What a refused prompt is told: which words are marked, and what to type instead."""

from __future__ import annotations

import pytest

from bot.prompt import PromptError, Vocabulary, parse
from bot.prompt.errors import columns, point_at

MODELS = ("pocket", "sdxl")
LORAS = ("pixels", "ink")
HERE = Vocabulary(models=MODELS, versions=(0, 1), loras=LORAS)

# (what it shows, what is typed, the characters that are marked, a part of what is said)
REFUSALS = [
    # Text
    ("nothing at all", "", "", "nothing to draw"),
    ("blanks only", " \u200b\u3000", "", "nothing to draw"),
    ("parameters only", "--ar 16:9", "", "nothing to draw"),
    ("a link behind words", "cat https://a.b/c.png", "https://a.b/c.png", "go first"),
    ("a link with a comma", "a http://b/w_1,h_2.png, c", "http://b/w_1,h_2.png", "to the front"),
    # Pictures
    ("a link without a host", "https:///c.png cat", "https:///c.png", "not an address"),
    ("a link with half a bracket", "http://[::1/c.png a", "http://[::1/c.png", "not an address"),
    ("a link with a strange port", "http://a.b:x/c a", "http://a.b:x/c", "not an address"),
    ("a link with a password", "http://u:p@a.b/c d", "http://u:p@a.b/c", "a password in it"),
    ("a link with braces", "http://a.b/{c} d", "http://a.b/{c}", "not an address"),
    (
        "a link too long",
        "http://a.b/" + "c" * 2000 + " d",
        "http://a.b/" + "c" * 2000,
        "at most 2000",
    ),
    ("a picture of two weights", "http://a.b/c::2::3 d", "http://a.b/c::2::3", "one weight"),
    ("a picture's weight runs on", "http://a.b/c::2x d", "http://a.b/c::2x", "2x is not a number"),
    ("a picture's weight below 0", "http://a.b/c::-1 d", "http://a.b/c::-1", "outside 0 to 1000"),
    ("a picture's weight too great", "http://a.b/c::5000 d", "http://a.b/c::5000", "outside 0 to"),
    ("a picture's weight in other digits", "http://a/c::٣ d", "http://a/c::٣", "not an address"),
    (
        "pictures of no weight",
        "http://a/b::0 http://c/d::0",
        "http://a/b::0 http://c/d::0",
        "sum up",
    ),
    ("too many pictures", "http://a/b " * 6, "http://a/b", "The limit is 5"),
    ("a share of no pictures", "a --iw 2", "--iw", "there is none"),
    ("a share out of range", "http://a/b c --iw 4", "4", "from 0 to 3. Try --iw 3."),
    ("a negative share", "http://a/b c --iw -1", "-1", "Try --iw 0."),
    ("a share of no style", "a --sw 5", "--sw", "weighs --sref, and there is none"),
    ("a share of no character", "http://a/b c --cw 5", "--cw", "Add --cref and a link"),
    ("a style by its number", "a --sref 123", "123", "not an address of a picture"),
    ("a style of no weight", "a --sref http://a/b::0", "http://a/b::0", "a weight above 0"),
    ("a style's weight in words", "a --sref http://a/b::2x", "http://a/b::2x", "a weight such as"),
    ("too many styles", "a --sref" + " http://a/b" * 6, "http://a/b" + " http://a/b" * 5, "most 5"),
    ("a file without a path", "file://a b", "file://a", "not an address"),
    # LoRAs
    ("a LoRA that is not here", "a <lora:pixel:1>", "<lora:pixel:1>", "Try pixels."),
    ("a LoRA like no other", "a <lora:zzz:1>", "<lora:zzz:1>", "one of pixels, ink"),
    ("a LoRA without a name", "a <lora:>", "<lora:>", "<lora:name:0.8>"),
    ("a LoRA without an end", "a <lora:pixels b", "<lora:pixels", "<lora:name:0.8>"),
    ("a LoRA of half a weight", "a <lora:pixels:>", "<lora:pixels:>", "<lora:name:0.8>"),
    ("a LoRA's weight in words", "a <lora:pixels:x>", "<lora:pixels:x>", "from -2 to 2"),
    ("a LoRA's weight too great", "a <lora:pixels:3>", "<lora:pixels:3>", "from -2 to 2"),
    ("a LoRA's weight that is no number", "a <lora:ink:nan>", "<lora:ink:nan>", "from -2 to 2"),
    ("a LoRA that runs on", "a <lora:ink>cat", "<lora:ink>", "ends with a space"),
    ("a LoRA on a link", "a <lora:ink><http://b", "<lora:ink>", "ends with a space"),
    ("a LoRA twice", "a <lora:ink> <lora:ink:2>", "<lora:ink:2>", "given twice"),
    ("a LoRA alone", "<lora:ink>", "<lora:ink>", "nothing to draw"),
    ("a LoRA alone before a weight", "<lora:ink>::2 a", "::2", "no text before"),
    ("a single hyphen", "a -ar 16:9", "-ar", "Did you mean --ar?"),
    ("a space behind the hyphens", "a -- ar 16:9", "-- ar", "Did you mean --ar?"),
    # Parts
    ("a weight of nothing", "::2 cat", "::2", "no text before"),
    ("two separators", "a:: ::2 b", "::2", "no text before"),
    ("three colons", "a:::b", ":::", "two colons"),
    ("a weight that is text", "food::3d printed", "::3d", "not a number"),
    ("a weight of other digits", "food::٣ b", "::٣", "not a number"),
    ("a weight too great", "a::5000 b", "::5000", "outside -1000 to 1000"),
    (
        "an endless weight",
        "a::" + "9" * 99 + " b",
        "::" + "9" * 99,
        "a number, in at most 15 digits",
    ),
    ("a weight that runs on", "a::2::3", "::2", "ends with a space"),
    ("a weight glued to a flag", "a:: b::2--raw", "::2--raw", "not a number"),
    ("weights of nothing in sum", "a:: b::-1", "a:: b::-1", "sum up to 0"),
    ("a negative part alone", "a::-1", "a::-1", "sum up to -1"),
    ("too many parts", "a::" * 21, "a::" * 21, "21 parts, the limit is 20"),
    # Names
    ("a slip", "a --stilize 50", "--stilize", "Did you mean --stylize?"),
    ("capitals", "a --AR 16:9", "--AR", "Did you mean --ar?"),
    ("no space", "a --ar16:9", "--ar16:9", "--ar 16:9"),
    ("an equals sign", "a --seed=5", "--seed=5", "--seed 5"),
    ("another bot's models", "a --checkpoint x", "--checkpoint", "It takes one of pocket, sdxl."),
    (
        "a version that is not here",
        "a --v 6",
        "6",
        "--v: 6 is not one of the versions on this machine: 0, 1. Try --v 1.",
    ),
    ("a version in words", "a --version new", "new", "one of the versions on this machine: 0, 1"),
    ("a version glued to its flag", "a --v7", "--v7", "Put a space before the value: --v 7."),
    ("no version at all", "a --v", "--v", "--v needs a value: one of the versions on this machine"),
    (
        "an anime model that is not here",
        "a --niji 6",
        "6",
        "--niji: 6 is not one of the anime models on this machine: there is none. Leave it out.",
    ),
    ("any anime model", "a --niji", "--niji", "--niji needs a value: one of the anime models"),
    ("two ways to name a model", "a --v 1 --model sdxl", "--model", "--v and --model say the same"),
    ("two lines of models", "a --niji 6 --v 1", "6", "there is none"),
    ("another bot's name", "a --neg red", "--neg", "Did you mean --negative?"),
    ("what is elsewhere", "a --hd", "--hd", "Easel has no --hd. Try --quality 2"),
    ("too weird", "a --weird 3001", "3001", "from 0 to 3000. Try --weird 3000."),
    ("not weird enough", "a --w -5", "-5", "from 0 to 3000. Try --w 0."),
    ("half a weirdness", "a --weird .5", ".5", "a whole number from 0 to 3000"),
    ("an end too soon", "a --stop 5", "5", "from 10 to 100. Try --stop 10."),
    ("an end behind the end", "a --stop 110", "110", "from 10 to 100. Try --stop 100."),
    ("an end in percent", "a --stop 50%", "50%", "a whole number from 10 to 100"),
    ("a tile of a size", "a --tile 4", "4", "Move it before --tile"),
    ("a draft of a quality", "a --draft --q 2", "--q", "--draft and --q say the same"),
    ("a draft of some steps", "a --steps 9 --draft", "--draft", "--steps and --draft say the same"),
    ("a draft by a sampler", "a --draft --sampler heun", "--sampler", "--draft and --sampler say"),
    ("too many layers", "a --clip-skip 3", "3", "from 0 to 2. Try --clip-skip 2."),
    ("a style that is not raw", "a --style cute", "cute", "--style: cute is not one of raw"),
    ("a style twice", "a --raw --style raw", "--style", "--raw and --style say the same"),
    ("a sampler", "a --sampler eular", "eular", "euler"),
    ("a quote left open", 'a --negative 0" --no "', '"', "every quotation mark is closed"),
    ("an underscore in a name", "a --clip_skip 2", "--clip_skip", "Did you mean --clip-skip?"),
    ("a thing's picture", "a --oref http://a/b", "--oref", "Begin with the picture's link"),
    ("a long name like none", "a --" + "z" * 30, "--" + "z" * 30, "There are --ar, --no"),
    ("a dash in prose", "a man —tall", "—tall", "put a space behind the dash"),
    ("nothing like it", "a --xyzzy", "--xyzzy", "There are --ar, --no"),
    ("given twice", "a --seed 1 --seed 2", "--seed", "--seed is given twice"),
    ("given by two names", "a --q 1 --quality 2", "--quality", "--q and --quality are the same"),
    ("two that exclude each other", "a --q 2 --steps 9", "--steps", "--q and --steps say the same"),
    ("one seed, twice", "a --seed 1 --sameseed 2", "--sameseed", "the same thing in two ways"),
    ("a seed again and again", "a --seed 1 --repeat 2", "--repeat", "the same pictures again"),
    ("again and again a seed", "a --r 2 --sameseed 1", "--sameseed", "--r and --sameseed would"),
    ("two lanes", "a --fast --relax", "--relax", "are two lanes"),
    ("three lanes", "a --turbo --fast --relax", "--fast", "--turbo and --fast are two lanes"),
    # Values
    ("once is not repeated", "a --repeat 1", "1", "from 2 to 40. Try --repeat 2."),
    ("too often", "a --repeat 100", "100", "from 2 to 40. Try --repeat 40."),
    ("a lane with a value", "a --relax 5", "5", "Move it before --relax"),
    ("an empty negative prompt", "a --negative , --raw", ",", "is not words"),
    ("a negative prompt of nothing", "a --negative --raw", "--negative", "needs a value: words"),
    (
        "a seed above the greatest",
        "a --sameseed 4294967296",
        "4294967296",
        "Try --sameseed 4294967295.",
    ),
    ("a bidi mark in a value", "a --ar 16\u202e:9", ":9", ":9 comes behind --ar"),
    ("a control character in a value", "a --seed 4\x002", "2", "Parameters go last"),
    ("no value", "a --ar --raw", "--ar", "--ar needs a value"),
    ("nothing in a list", "a --no , ,", ", ,", "is not words"),
    ("text behind a value", "a --seed 5 big dog --raw", "big dog", "Parameters go last"),
    ("text behind a switch", "a --raw dog", "dog", "Move it before --raw"),
    ("a comma behind a switch", "a --raw, --seed 5", ",", "Leave the comma out"),
    ("a comma behind a value", "a --seed 5, --raw", "5,", "Try --seed 5."),
    ("out of range", "a --s 5000", "5000", "from 0 to 1000. Try --s 1000."),
    ("below the range", "a --chaos -1", "-1", "Try --chaos 0."),
    ("no whole number", "a --seed 1.5", "1.5", "Try --seed 2."),
    ("not a number", "a --seed nan", "nan", "For example: --seed 42."),
    ("endless", "a --cfg inf", "inf", "from 1 to 20. For example: --cfg 7."),
    ("a power of ten", "a --steps 1e1", "1e1", "from 1 to 150"),
    ("an underscore", "a --seed 1_0", "1_0", "from 0 to 4294967295"),
    ("Arabic digits", "a --seed ٣٤", "٣٤", "Try --seed 34."),
    ("wide digits", "a --c \uff13\uff10", "\uff13\uff10", "Try --c 30."),
    ("a comma for a point", "a --cfg 5,5", "5,5", "Try --cfg 5.5."),
    ("digits out of range", "a --c ٣٣٣", "٣٣٣", "For example: --chaos 30."),
    ("a fraction in other digits", "a --q .\u0665", ".\u0665", "Try --q .5."),
    ("too many digits", "a --seed " + "9" * 5000, "9" * 5000, "from 0 to 4294967295"),
    ("no option", "a --q 3", "3", "one of 0.25, 0.5, 1, 2. Try --q 2."),
    ("no such model", "a --model sdlx", "sdlx", "one of pocket, sdxl. Try --model sdxl."),
    ("a broken ratio", "a --ar 1.39:1", "1.39:1", "Try --ar 139:100."),
    ("a ratio with a cross", "a --ar 1920x1080", "1920x1080", "Try --ar 16:9."),
    ("a ratio as a number", "a --ar 1.5", "1.5", "Try --ar 3:2."),
    ("a ratio of two separators", "a --ar 16::9", "16::9", "Try --ar 16:9."),
    ("a ratio of nothing", "a --ar 0:1", "0:1", "from 1 to 10000. For example: --ar 16:9."),
    ("a ratio too great", "a --ar 10001:1", "10001:1", "from 1 to 10000"),
    ("too many things", "a --no " + "b," * 51, "b," * 51, "at most 50 things, there are 51"),
]


@pytest.mark.parametrize(
    ("typed", "marked", "said"), [pytest.param(*case[1:], id=case[0]) for case in REFUSALS]
)
def test_a_refusal_points_and_says(typed: str, marked: str, said: str) -> None:
    with pytest.raises(PromptError) as caught:
        parse(typed, HERE)
    error = caught.value
    assert typed[error.start : error.end] == marked
    assert said in str(error)
    assert error.hint


def test_a_prompt_of_6000_characters_is_read_and_one_more_is_not() -> None:
    assert parse("a" * 6000)
    with pytest.raises(PromptError, match="6001 characters, the limit is 6000"):
        parse("a" * 6001)


def test_the_rendering_is_a_code_block_of_two_lines_and_the_sentences() -> None:
    with pytest.raises(PromptError) as caught:
        parse("a red fox --stilize 50")
    assert caught.value.render() == (
        "```\n"
        "a red fox --stilize 50\n"
        "          ^^^^^^^^^\n"
        "```\n"
        "There is no parameter --stilize. Did you mean --stylize?"
    )


@pytest.mark.parametrize(
    ("text", "width"),
    [
        pytest.param("cat", 3, id="narrow"),
        pytest.param("猫", 2, id="wide"),
        pytest.param("e\u0301", 1, id="a mark on a letter"),
        pytest.param("👩\u200d🚀", 4, id="joined"),
    ],
)
def test_columns_are_counted_as_a_terminal_does(text: str, width: int) -> None:
    assert columns(text) == width


def test_carets_stand_below_wide_characters() -> None:
    _, line, carets, _ = point_at("猫とカメラ 大きい --x", 6, 9).splitlines()
    assert columns(line[: line.index("大")]) == carets.index("^")
    assert carets.count("^") == columns("大きい")


def test_a_long_prompt_is_cut_around_the_place() -> None:
    _, line, carets, _ = point_at("a" * 500 + "BAD" + "b" * 500, 500, 503).splitlines()
    assert line.startswith("…a")
    assert line.endswith("b…")
    assert line[carets.index("^") : carets.rindex("^") + 1] == "BAD"
    assert len(line) <= 60


def test_a_backtick_cannot_close_the_code_block_nor_open_another() -> None:
    assert point_at("``` @everyone", 0, 3).count("```") == 2
    with pytest.raises(PromptError) as caught:
        parse("0 --0```")
    assert caught.value.render().count("```") == 2
