"""The specification of the prompt language, as a table: what is typed, and what it means."""

from __future__ import annotations

import pytest

from bot.prompt import FLAGS, ImagePrompt, Lora, Parameters, Part, Prompt, Ratio, Vocabulary, parse
from bot.prompt.flags import ELSEWHERE, MISTAKEN_FOR, flag_table, likely_name
from bot.prompt.parameters import DEFAULTS

MODELS = ("pocket", "sdxl")
LORAS = ("pixels", "ink-2")
HERE = Vocabulary(models=MODELS, versions=(0, 1), niji=(4, 6), loras=LORAS)


def one(text: str, **parameters: object) -> Prompt:
    return Prompt(parts=(Part(text),), parameters=Parameters(**parameters))  # type: ignore[arg-type]


def many(*parts: tuple[str, float], **parameters: object) -> Prompt:
    return Prompt(
        parts=tuple(Part(text, weight) for text, weight in parts),
        parameters=Parameters(**parameters),  # type: ignore[arg-type]
    )


def linked(text: str, *images: tuple[str, float], **parameters: object) -> Prompt:
    return Prompt(
        images=tuple(ImagePrompt(url, weight) for url, weight in images),
        parts=(Part(text),) if text else (),
        parameters=Parameters(**parameters),  # type: ignore[arg-type]
    )


def adapted(text: str, *loras: tuple[str, float]) -> Prompt:
    return Prompt(parts=(Part(text),), loras=tuple(Lora(name, weight) for name, weight in loras))


CAT, DOG = "https://a.b/cat.png", "https://a.b/dog.jpg?x=1&y=2"

# (what it shows, what is typed, what it means, how it is written back)
EXAMPLES = [
    # Text
    ("plain text", "a red fox", one("a red fox"), "a red fox"),
    ("blanks are folded", "  a \n red\t\tfox ", one("a red fox"), "a red fox"),
    ("outer commas are dropped", "red, fox, --raw", one("red, fox", raw=True), "red, fox --raw"),
    ("invisible characters are blanks", "a\u202ecat\x00", one("a cat"), "a cat"),
    (
        "emoji keep their joiners",
        "👩\u200d🚀 at work",
        one("👩\u200d🚀 at work"),
        "👩\u200d🚀 at work",
    ),
    ("other scripts", "猫とカメラ", one("猫とカメラ"), "猫とカメラ"),
    ("a dash in a word is text", "sci-fi--esque, one—two", one("sci-fi--esque, one—two"), None),
    ("a dash between spaces is text", "a cat — a hat -- both", one("a cat — a hat -- both"), None),
    ("a long dash before a digit is a minus", "–5 degrees", one("–5 degrees"), None),  # noqa: RUF001
    ("weights in brackets are left alone", "(cat:1.2) [dog]", one("(cat:1.2) [dog]"), None),
    ("quotation marks are left alone", '"--ar 16:9" sign', one('"--ar 16:9" sign'), None),
    ("quoted colons are text", '"a::2" sign', one('"a::2" sign'), None),
    ("curly quotation marks", "“--no” sign", one("“--no” sign"), None),
    ("an inch mark does not quote", '6" doll --raw', one('6" doll', raw=True), None),
    ("a mark that nothing closes", 'the "cat --raw', one('the "cat', raw=True), None),
    ("one colon is text", "ratio: 16:9", one("ratio: 16:9"), None),
    ("emphasis of emphasis", "((dog)) [[cat]]", one("((dog)) [[cat]]"), None),
    ("BREAK is left alone", "a cat BREAK a dog", one("a cat BREAK a dog"), None),
    ("escaped brackets", r"\(c\) 2024", one(r"\(c\) 2024"), None),
    ("escaped braces", r"\{a\} b", one(r"\{a\} b"), None),
    ("braces are text to one prompt", "a {b, c} d", one("a {b, c} d"), None),
    ("a smaller sign", "a <b> 3 < 4", one("a <b> 3 < 4"), None),
    ("a mention", "hi <@123>", one("hi <@123>"), None),
    (
        "a mark of another direction",
        "\u05d7\u05ea\u05d5\u05dc",
        one("\u05d7\u05ea\u05d5\u05dc"),
        None,
    ),
    ("a link in quotation marks", '"http://a.b" sign', one('"http://a.b" sign'), None),
    ("a scheme alone", "the https: scheme", one("the https: scheme"), None),
    ("5999 letters", "a" * 5999, one("a" * 5999), None),
    # Pictures
    ("a picture and words", f"{CAT} a hat", linked("a hat", (CAT, 1)), None),
    ("two pictures", f"{CAT} {DOG}", linked("", (CAT, 1), (DOG, 1)), None),
    (
        "pictures with weights",
        f"{CAT}::2 {DOG}::.5 a hat",
        linked("a hat", (CAT, 2), (DOG, 0.5)),
        f"{CAT}::2 {DOG}::0.5 a hat",
    ),
    ("a picture of no weight", f"{CAT}::0 {DOG}", linked("", (CAT, 0), (DOG, 1)), None),
    ("a separator without weight", f"{CAT}:: hat", linked("hat", (CAT, 1)), f"{CAT} hat"),
    ("one picture's weight is nothing", f"{CAT}::3 hat", linked("hat", (CAT, 1)), f"{CAT} hat"),
    ("a link in brackets", f"<{CAT}> hat", linked("hat", (CAT, 1)), f"{CAT} hat"),
    (
        "a bracketed link's weight",
        f"<{CAT}>::2 {DOG} a",
        linked("a", (CAT, 2), (DOG, 1)),
        f"{CAT}::2 {DOG} a",
    ),
    ("commas behind links", f"{CAT}, {DOG}, a", linked("a", (CAT, 1), (DOG, 1)), f"{CAT} {DOG} a"),
    ("a comma in a link", "http://b/w_1,h_2.png c", linked("c", ("http://b/w_1,h_2.png", 1)), None),
    ("an address in numbers", "http://[::1]/a.png c", linked("c", ("http://[::1]/a.png", 1)), None),
    (
        "an address in numbers with a weight",
        f"http://[::1]/a.png::2 {CAT} c",
        linked("c", ("http://[::1]/a.png", 2), (CAT, 1)),
        None,
    ),
    ("a port", "http://a.b:80/c.png d", linked("d", ("http://a.b:80/c.png", 1)), None),
    (
        "another script's host",
        "https://例え.jp/猫.png d",
        linked("d", ("https://例え.jp/猫.png", 1)),
        None,
    ),
    ("capitals in the scheme", "HTTPS://a.b/c.png d", linked("d", ("HTTPS://a.b/c.png", 1)), None),
    ("the pictures' share", f"{CAT} a --iw .5", linked("a", (CAT, 1), iw=0.5), f"{CAT} a --iw 0.5"),
    ("the most of it", f"{CAT} a --iw 3", linked("a", (CAT, 1), iw=3), None),
    ("none of it", f"{CAT} a --iw 0", linked("a", (CAT, 1), iw=0), None),
    (
        "a picture and two parts",
        f"{CAT} a::2 b",
        Prompt(images=(ImagePrompt(CAT),), parts=(Part("a", 2), Part("b"))),
        None,
    ),
    ("one picture alone", CAT, linked("", (CAT, 1)), None),
    ("a picture and a shape", f"{CAT} --ar 3:2", linked("", (CAT, 1), ar=Ratio(3, 2)), None),
    ("a file", "file:///a/%C3%BC.png b", linked("b", ("file:///a/%C3%BC.png", 1)), None),
    ("a style", f"a --sref {CAT}", one("a", sref=(ImagePrompt(CAT),)), None),
    (
        "styles and a character",
        f"a --sref {CAT}::2, <{DOG}> --sw 50 --cref {DOG} --cw 0",
        one(
            "a", sref=(ImagePrompt(CAT, 2), ImagePrompt(DOG)), sw=50, cref=(ImagePrompt(DOG),), cw=0
        ),
        f"a --sref {CAT}::2 {DOG} --sw 50 --cref {DOG} --cw 0",
    ),
    # LoRAs
    ("a LoRA", "a cat <lora:pixels>", adapted("a cat", ("pixels", 1)), None),
    ("a LoRA's weight", "a <lora:pixels:0.8>", adapted("a", ("pixels", 0.8)), None),
    ("a LoRA that takes away", "a <lora:pixels:-1>", adapted("a", ("pixels", -1)), None),
    (
        "LoRAs anywhere",
        "<lora:pixels:.5><lora:ink-2> a cat",
        adapted("a cat", ("pixels", 0.5), ("ink-2", 1)),
        "a cat <lora:pixels:0.5> <lora:ink-2>",
    ),
    (
        "a LoRA on a word",
        "cat<lora:pixels:1>, dog",
        adapted("cat , dog", ("pixels", 1)),
        "cat , dog <lora:pixels>",
    ),
    (
        "a LoRA in a bracket",
        "(cat <lora:pixels>)",
        adapted("(cat )", ("pixels", 1)),
        "(cat ) <lora:pixels>",
    ),
    ("a LoRA in quotation marks is text", '"<lora:x:1>" sign', one('"<lora:x:1>" sign'), None),
    # Parts
    ("two parts", "hot:: dog", many(("hot", 1), ("dog", 1)), "hot:: dog"),
    ("no space is needed", "hot::dog", many(("hot", 1), ("dog", 1)), "hot:: dog"),
    ("a weight is of the part before", "hot::2 dog", many(("hot", 2), ("dog", 1)), None),
    (
        "the last part's weight",
        "hot dog::1 cat::3",
        many(("hot dog", 1), ("cat", 3)),
        "hot dog:: cat::3",
    ),
    ("a weight below one", "a::.5 b::0.25", many(("a", 0.5), ("b", 0.25)), "a::0.5 b::0.25"),
    ("a negative weight", "tulips:: red::-0.5", many(("tulips", 1), ("red", -0.5)), None),
    ("a phone's minus", "a:: b::−.5", many(("a", 1), ("b", -0.5)), "a:: b::-0.5"),  # noqa: RUF001
    ("a weight of nothing", "a:: b::0", many(("a", 1), ("b", 0)), "a:: b::0"),
    (
        "as many digits as are told apart",
        "a::.123456789012345 b",
        many(("a", 0.123456789012345), ("b", 1)),
        "a::0.123456789012345 b",
    ),
    ("a weight and a comma", "a::2, b", many(("a", 2), ("b", 1)), "a::2 b"),
    ("a part alone has no weight", "cat::5 --raw", one("cat", raw=True), "cat --raw"),
    ("a colon before the separator", "a: :: b", many(("a:", 1), ("b", 1)), "a: :: b"),
    ("a scheme before the separator", "http:// ::2 b", many(("http://", 2), ("b", 1)), None),
    ("text that begins with a digit", "food:: 3d", many(("food", 1), ("3d", 1)), "food:: 3d"),
    # Flags
    ("a ratio", "a --ar 16:9", one("a", ar=Ratio(16, 9)), "a --ar 16:9"),
    ("a ratio in lowest terms", "a --aspect 1920:1280", one("a", ar=Ratio(3, 2)), "a --ar 3:2"),
    ("an em-dash", "a —ar 3:2", one("a", ar=Ratio(3, 2)), "a --ar 3:2"),
    ("an en-dash", "a –ar 3:2", one("a", ar=Ratio(3, 2)), "a --ar 3:2"),  # noqa: RUF001
    ("three hyphens", "a ---ar 3:2", one("a", ar=Ratio(3, 2)), "a --ar 3:2"),
    ("a flag after a comma", "a,--ar 3:2", one("a", ar=Ratio(3, 2)), "a --ar 3:2"),
    ("the smallest seed", "a --seed 0", one("a", seed=0), "a --seed 0"),
    ("the greatest seed", "a --seed 4294967295", one("a", seed=2**32 - 1), None),
    ("a quality without its zero", "a --q .25", one("a", quality=0.25), "a --quality 0.25"),
    ("a quality with zeros", "a --quality 2.0", one("a", quality=2), "a --quality 2"),
    ("stylize", "a --s 750", one("a", stylize=750), "a --stylize 750"),
    ("chaos", "a --c 100", one("a", chaos=100), "a --chaos 100"),
    ("a model", "a --model sdxl", one("a", model="sdxl"), None),
    ("steps", "a --steps 12", one("a", steps=12), None),
    ("guidance", "a --cfg 7.5", one("a", cfg=7.5), None),
    ("raw", "a --raw", one("a", raw=True), None),
    ("a default is hidden", "a --c 0 --s 100 --q 1 --ar 5:5", one("a"), "a"),
    ("one order", "a --seed 1 --ar 2:3", one("a", seed=1, ar=Ratio(2, 3)), "a --ar 2:3 --seed 1"),
    ("no", "a --no red", one("a", no=("red",)), "a --no red"),
    (
        "no takes all words up to the next flag",
        "a --no red hair,blue --raw",
        one("a", no=("red hair", "blue"), raw=True),
        "a --no red hair, blue --raw",
    ),
    ("no with Chinese commas", "猫 --no 手、脚", one("猫", no=("手", "脚")), "猫 --no 手, 脚"),
    ("no with a quoted comma", 'a --no "b, c", d', one("a", no=('"b, c"', "d")), None),
    (
        "no with a link",
        "a --no http://b,--raw",
        one("a", no=("http://b",), raw=True),
        "a --no http://b --raw",
    ),
    ("a negative prompt", "a --negative b", one("a", negative="b"), None),
    (
        "a negative prompt with weights and commas",
        "a --negative (b:1.3), c::2 [d], --raw",
        one("a", negative="(b:1.3), c::2 [d]", raw=True),
        "a --negative (b:1.3), c::2 [d] --raw",
    ),
    (
        "both kinds of no",
        "a --negative b --no c",
        one("a", no=("c",), negative="b"),
        "a --no c --negative b",
    ),
    ("the same noise", "a --sameseed 7", one("a", sameseed=7), None),
    ("three times", "a --r 3", one("a", repeat=3), "a --repeat 3"),
    ("forty times", "a --repeat 40", one("a", repeat=40), None),
    ("the least weird", "a --weird 0", one("a"), "a"),
    ("weird", "a --w 250", one("a", weird=250), "a --weird 250"),
    ("the most weird", "a --weird 3000", one("a", weird=3000), None),
    ("an early end", "a --stop 10", one("a", stop=10), None),
    ("an end at the end", "a --stop 100", one("a"), "a"),
    ("a tile", "a --tile", one("a", tile=True), None),
    ("a draft", "a --draft", one("a", draft=True), None),
    ("a skipped layer", "a --clip-skip 1", one("a", clip_skip=1), None),
    ("no skipped layer", "a --clip-skip 0", one("a"), "a"),
    ("a long dash, and one", "a —clip-skip 2", one("a", clip_skip=2), "a --clip-skip 2"),
    ("style raw", "a --style raw", one("a", style="raw"), None),
    ("a version", "a --v 1", one("a", version=1), "a --version 1"),
    ("a version with its zero", "a --version 1.0", one("a", version=1), "a --version 1"),
    ("version 0", "a --v 0", one("a", version=0), "a --version 0"),
    ("an anime model", "a --niji 4", one("a", niji=4), None),
    ("the newest anime model", "a --niji", one("a", niji=6), "a --niji 6"),
    ("the newest, then a flag", "a --niji --raw", one("a", raw=True, niji=6), "a --raw --niji 6"),
    ("a sampler", "a --sampler dpm-2m-karras", one("a", sampler="dpm-2m-karras"), None),
    ("the sampler of distilled models", "a --sampler lcm", one("a", sampler="lcm"), None),
    ("the turbo lane", "a --turbo", one("a", turbo=True), None),
    ("the fast lane", "a --fast", one("a", fast=True), None),
    ("the relaxed lane", "a --relax", one("a", relax=True), None),
    ("no with an empty place", "a --no b,, c,", one("a", no=("b", "c")), "a --no b, c"),
]


@pytest.mark.parametrize(
    ("typed", "meaning", "canonical"),
    [pytest.param(*example[1:], id=example[0]) for example in EXAMPLES],
)
def test_a_prompt_means(typed: str, meaning: Prompt, canonical: str | None) -> None:
    prompt = parse(typed, HERE)
    assert prompt == meaning
    assert prompt.canonical() == (typed if canonical is None else canonical)
    assert parse(prompt.canonical(), HERE) == prompt


def test_the_rows_of_the_table_are_the_fields_of_the_parameters() -> None:
    assert {flag.field for flag in FLAGS} == set(Parameters.__dataclass_fields__)


def test_no_two_flags_share_a_name() -> None:
    names = [name for flag in FLAGS for name in (flag.name, *flag.aliases)]
    names += [mistake for mistakes in MISTAKEN_FOR.values() for mistake in mistakes]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_every_example_in_the_help_can_be_typed(flag: object) -> None:
    row = next(row for row in FLAGS if row is flag)
    weighed = f"--{row.weighs} {CAT} " if row.weighs in {"sref", "cref"} else ""
    here = flag_table(HERE)[row.name]
    usage = weighed + here.usage()
    typed = f"{CAT} a cat {usage}"
    assert parse(typed, HERE).parameters != DEFAULTS


def test_every_picture_that_is_used_is_known_once() -> None:
    prompt = parse(f"{CAT} {DOG} a --sref {DOG} https://a.b/c --cref {CAT}")
    assert prompt.links == (CAT, DOG, "https://a.b/c")


def test_variations_inherit_all_but_what_shapes_the_first_grid() -> None:
    prompt = parse("a --ar 3:2 --no b --raw --cfg 3 --c 9 --q 2 --s 7 --seed 5")
    assert prompt.for_variations().canonical() == "a --ar 3:2 --no b --raw --cfg 3"


def test_the_seed_that_was_drawn_is_shown() -> None:
    assert parse("a cat").with_seed(7).canonical() == "a cat --seed 7"
    assert parse("a --sameseed 1").with_seed(7).canonical() == "a --sameseed 7"
    assert [parse(text).seed for text in ("a", "a --seed 3", "a --sameseed 4")] == [None, 3, 4]


def test_what_excludes_another_is_excluded_by_it() -> None:
    excludes = {flag.name: set(flag.excludes) for flag in FLAGS}
    assert all(name in excludes[other] for name in excludes for other in excludes[name])


def test_what_is_said_to_be_elsewhere_is_not_here() -> None:
    mistakes = {mistake for mistakes in MISTAKEN_FOR.values() for mistake in mistakes}
    assert not (flag_table().keys() | mistakes) & ELSEWHERE.keys()


def test_what_is_meant_by_a_mistake_is_in_the_table() -> None:
    assert MISTAKEN_FOR.keys() <= {flag.name for flag in FLAGS}


def test_a_long_name_is_not_guessed_at() -> None:
    assert likely_name("s" * 25, {}) == ""


@pytest.mark.parametrize(
    ("typed", "lane"),
    [("a", "fast"), ("a --fast", "fast"), ("a --relax", "relax"), ("a --turbo", "turbo")],
)
def test_the_lane(typed: str, lane: str) -> None:
    assert parse(typed).lane == lane


@pytest.mark.parametrize("side", [0, -1, 10_001])
def test_a_ratio_refuses_a_side_out_of_range(side: int) -> None:
    with pytest.raises(ValueError, match="outside 1 to 10000"):
        Ratio(1, side)
