"""`easel models`: the catalog, what of it is on this machine, and how to get the rest."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bot.settings import Settings
from engine.models.catalog import Catalog, UnknownModelError
from engine.models.download import PullError, pull
from engine.models.layout import locate

EXIT_FAILED = 1
EXIT_REFUSED = 2


def list_models(settings: Settings, options: argparse.Namespace) -> int:
    """Print the catalog."""
    del options
    catalog = Catalog.load(settings.catalog)
    table = Table(box=None, pad_edge=False)
    for column in ("name", "title", "licence", "on this machine"):
        table.add_column(column)
    for card in catalog.values():
        found = locate(card, settings.resolved_models_dir)
        where = "built in" if card.source == "builtin" else str(found)
        table.add_row(
            card.name,
            card.title,
            card.license,
            where if found else f"no: easel models pull {card.name}",
        )
    Console().print(table)
    return 0


def pull_model(settings: Settings, options: argparse.Namespace) -> int:
    """Download one model of the catalog, and nothing that it does not need."""
    try:
        card = Catalog.load(settings.catalog)[options.name]
    except UnknownModelError as error:
        print(f"easel: {error}", file=sys.stderr)
        return EXIT_REFUSED
    print(f"{card.title}, licence {card.license}")
    try:
        with Progress(console=Console(stderr=True)) as bar:
            task = bar.add_task(card.name, total=None)
            path = pull(
                card,
                settings.resolved_models_dir,
                on_progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    except PullError as error:
        print(f"easel: {error}", file=sys.stderr)
        return EXIT_FAILED
    print(f"{card.name} is in {path}")
    return 0
