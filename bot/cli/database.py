"""`easel db upgrade`: the database, brought to this version of Easel."""

from __future__ import annotations

import argparse
import sys

import migrations
from bot.settings import Settings
from storage import StorageError

EXIT_REFUSED = 2


def upgrade(settings: Settings, options: argparse.Namespace) -> int:
    """Create or migrate the database."""
    del options
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        before = migrations.current(settings.resolved_database_url)
        migrations.upgrade(settings.resolved_database_url)
        after = migrations.current(settings.resolved_database_url)
    except StorageError as error:
        print(f"easel: {error}", file=sys.stderr)
        return EXIT_REFUSED
    print(f"database is at revision {after}" + ("" if before == after else f" (was {before})"))
    return 0
