"""`easel`: the command line.

Without a command it runs the bot: in the local channel, or on Discord where a token is set.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bot.cli.logs import set_up
from bot.settings import Settings, SettingsError, read_settings

EXIT_REFUSED = 2
"""What was asked cannot be done as it was written; argparse uses the same number."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings()
    except SettingsError as error:
        print(f"easel: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_REFUSED
    # A command that answers and ends shows its answer; the bot, which stays, tells what it does.
    answers = settings.log_level == "info" and options.command is not _run
    set_up("warning" if answers else settings.log_level)
    code: int = options.command(settings, options)
    return code


def _parser() -> argparse.ArgumentParser:
    # Each command's module is imported when it runs: `easel --help` answers at once.
    parser = argparse.ArgumentParser(prog="easel", description=__doc__)
    parser.set_defaults(command=_run, browser=True, port=None)
    commands = parser.add_subparsers(title="commands")

    run = commands.add_parser("run", help="run the bot (the same as no command at all)")
    run.add_argument("--no-browser", dest="browser", action="store_false")
    run.add_argument("--port", type=int, help="port of the local channel on 127.0.0.1")
    run.set_defaults(command=_run)

    _add_pictures(commands.add_parser)
    _add_words(commands.add_parser)

    doctor = commands.add_parser("doctor", help="say what works, and what to do about the rest")
    doctor.set_defaults(command=_doctor)

    queue = commands.add_parser("queue", help="what is being drawn, and what waits")
    queue.set_defaults(command=_queue)

    database = commands.add_parser("db", help="the database")
    actions = database.add_subparsers(title="actions", required=True)
    upgrade = actions.add_parser("upgrade", help="bring the database to this version")
    upgrade.set_defaults(command=_upgrade)

    models = commands.add_parser("models", help="list the models, or pull one")
    models.set_defaults(command=_list_models)
    pulls = models.add_subparsers(title="actions")
    pull = pulls.add_parser("pull", help="download a model of the catalog")
    pull.add_argument("name")
    pull.set_defaults(command=_pull_model)
    return parser


def _add_pictures(add: Callable[..., argparse.ArgumentParser]) -> None:
    imagine = add("imagine", help="draw a prompt, without Discord or a database")
    imagine.add_argument(
        "pictures", nargs="*", help="files or links to draw from, beside the words"
    )
    imagine.add_argument("prompt", help="words, then parameters, as in /imagine")
    imagine.add_argument("--iw", help="how much the pictures count, 0 to 3")
    imagine.set_defaults(command=_imagine)

    variations = add("variations", help="draw four variations of a picture")
    variations.add_argument("picture", help="a file or a link")
    variations.add_argument("--strength", choices=("subtle", "strong"), default="subtle")
    variations.add_argument("--prompt", default="", help="words to mix in, and parameters")
    variations.set_defaults(command=_variations)

    blend = add("blend", help="mix two to five pictures into new ones")
    blend.add_argument("pictures", nargs="+", help="files or links")
    dimensions = ("portrait", "square", "landscape")
    blend.add_argument("--dimensions", choices=dimensions, default="square")
    blend.add_argument("--weights", default="", help='how much each counts: "2 1 1"')
    blend.set_defaults(command=_blend)

    for command in (imagine, variations, blend):
        help_ = "folder for grid.png and 1.png ..."
        command.add_argument("--out", type=Path, required=True, help=help_)
        command.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_words(add: Callable[..., argparse.ArgumentParser]) -> None:
    describe = add("describe", help="find four prompts for a picture")
    describe.add_argument("picture", help="a file or a link")
    describe.set_defaults(command=_describe)

    shorten = add("shorten", help="find the words that matter in a prompt")
    shorten.add_argument("prompt")
    shorten.set_defaults(command=_shorten)

    for command in (describe, shorten):
        command.add_argument("--out", type=Path, help="folder for answer.json")
        command.add_argument("--json", action="store_true", help="print the answer as JSON")


def _run(settings: Settings, options: argparse.Namespace) -> int:
    from bot.cli.run import run

    return run(settings, options)


def _imagine(settings: Settings, options: argparse.Namespace) -> int:
    from bot.cli.imagine import imagine

    return imagine(settings, options)


def _variations(settings: Settings, options: argparse.Namespace) -> int:
    from bot.cli.imagine import variations

    return variations(settings, options)


def _blend(settings: Settings, options: argparse.Namespace) -> int:
    from bot.cli.imagine import blend

    return blend(settings, options)


def _describe(settings: Settings, options: argparse.Namespace) -> int:
    from bot.cli.words import describe

    return describe(settings, options)


def _shorten(settings: Settings, options: argparse.Namespace) -> int:
    from bot.cli.words import shorten

    return shorten(settings, options)


def _doctor(settings: Settings, options: argparse.Namespace) -> int:
    from bot.cli.doctor import doctor

    return doctor(settings, options)


def _queue(settings: Settings, options: argparse.Namespace) -> int:
    from bot.cli.queue import queue

    return queue(settings, options)


def _upgrade(settings: Settings, options: argparse.Namespace) -> int:
    from bot.cli.database import upgrade

    return upgrade(settings, options)


def _list_models(settings: Settings, options: argparse.Namespace) -> int:
    from bot.cli.models import list_models

    return list_models(settings, options)


def _pull_model(settings: Settings, options: argparse.Namespace) -> int:
    from bot.cli.models import pull_model

    return pull_model(settings, options)


if __name__ == "__main__":
    sys.exit(main())
