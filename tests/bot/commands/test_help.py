"""/help: everything in the table of flags can be asked about, and every answer fits a message."""

import pytest

from bot.commands.help import explain, overview
from bot.errors import UserError
from bot.prompt import FLAGS, Flag, Vocabulary, flag_table

TABLE = flag_table(Vocabulary(models=("pocket", "sdxl")))


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_every_parameter_is_explained_by_each_of_its_names(flag: Flag) -> None:
    text = explain(flag.name, TABLE)
    assert flag.help in text
    assert flag.usage() in text
    assert len(text) <= 2000
    assert {explain(f"--{name}", TABLE) for name in flag.aliases} <= {text}


def test_help_gives_names_range_default_sentence_and_example() -> None:
    assert explain("s", TABLE).splitlines()[:3] == [
        "**`--stylize` `--s`** a whole number from 0 to 1000, normally `100`",
        "How freely the picture is beautified: 0 is by the letter of the text.",
        "> a red apple --stylize 250",
    ]


def test_the_overview_names_every_parameter_and_fits_a_message() -> None:
    text = overview()
    assert all(f"`{flag.usage()}`" in text for flag in FLAGS)
    assert len(text) <= 2000


def test_what_a_parameter_rules_out_and_leaves_out_is_said() -> None:
    assert explain("seed", TABLE).splitlines()[3:] == [
        "Not together with `--sameseed` `--repeat`.",
        "It shapes a first grid; variations of a picture leave it out.",
    ]


def test_an_unknown_topic_is_told_what_there_is() -> None:
    with pytest.raises(UserError, match="There are: `ar`"):
        explain("xyzzy", TABLE)
    with pytest.raises(UserError, match=r"Did you mean `ar`\?"):
        explain("ratio", TABLE)


def test_the_models_that_are_here_are_named() -> None:
    assert "one of pocket, sdxl" in explain("model", TABLE)
