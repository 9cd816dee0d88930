"""`easel doctor`: line by line what works, and what to do about what does not."""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass

import migrations
from bot.cli.start import open_executor
from bot.settings import Settings
from engine.models.catalog import Catalog, CatalogError

EXIT_FAILED = 1
LOW_DISK_BYTES = 2 * 1024**3
LOW_MEMORY_BYTES = 10 * 1024**3
"""Below this, full-size SDXL does not fit a GPU in half precision."""
GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: what was looked at, what was found, and what to do when it is not well."""

    subject: str
    found: str
    remedy: str | None = None
    fatal: bool = False


def doctor(settings: Settings, options: argparse.Namespace) -> int:
    """Print a line for each thing that Easel needs."""
    del options
    checks: tuple[Callable[[Settings], Finding], ...] = (
        _python,
        _token,
        _data_folder,
        _disk,
        _database,
        _models,
        _device,
    )
    findings = []
    for check in checks:
        finding = check(settings)
        print(_line(finding), flush=True)
        findings.append(finding)
    return EXIT_FAILED if any(finding.fatal for finding in findings) else 0


def _line(finding: Finding) -> str:
    mark = "ok  " if finding.remedy is None else ("FAIL" if finding.fatal else "note")
    remedy = f"\n{'':17}{finding.remedy}" if finding.remedy else ""
    return f"{mark}  {finding.subject:<9}  {finding.found}{remedy}"


def _python(settings: Settings) -> Finding:
    del settings
    return Finding(subject="python", found=sys.version.split()[0])


def _token(settings: Settings) -> Finding:
    if settings.discord_token is None:
        return Finding(
            subject="token",
            found="none: `easel` opens the local channel",
            remedy="To join Discord, set DISCORD_TOKEN in the environment or in .env.",
        )
    # A token is three parts of base64url; checking its shape catches a pasted client secret.
    if not re.fullmatch(
        r"[\w-]{18,}\.[\w-]{6}\.[\w-]{27,}", settings.discord_token.get_secret_value()
    ):
        return Finding(
            subject="token",
            found="DISCORD_TOKEN does not look like a bot token",
            remedy="Copy it from the developer portal: your application, Bot, Reset Token.",
            fatal=True,
        )
    return Finding(subject="token", found="set; `easel` joins Discord")


def _data_folder(settings: Settings) -> Finding:
    probe = settings.data_dir / ".doctor"
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return Finding(
            subject="folder",
            found=f"{settings.data_dir} cannot be written: {error.strerror}",
            remedy="Set EASEL_DATA_DIR to a folder of yours.",
            fatal=True,
        )
    return Finding(subject="folder", found=str(settings.data_dir))


def _disk(settings: Settings) -> Finding:
    place = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    free = shutil.disk_usage(place).free
    low = free < LOW_DISK_BYTES
    return Finding(
        subject="disk",
        found=f"{free / GIB:.1f} GiB free",
        remedy="A thousand grids take about 5 GiB; free some space." if low else None,
    )


def _database(settings: Settings) -> Finding:
    head = migrations.head()
    try:
        current = migrations.current(settings.resolved_database_url)
    except Exception as error:  # noqa: BLE001 - whatever a driver raises is the finding
        return Finding(
            subject="database",
            found=f"cannot be opened: {error}",
            remedy="Check EASEL_DATABASE_URL.",
            fatal=True,
        )
    if current != head:
        return Finding(
            subject="database",
            found=f"is at revision {current}, this version needs {head}",
            remedy="`easel` does it at its start, or run `easel db upgrade`.",
        )
    return Finding(subject="database", found=f"at revision {head}")


def _models(settings: Settings) -> Finding:
    try:
        catalog = Catalog.load(settings.catalog)
    except CatalogError as error:
        return Finding(
            subject="models",
            found=f"the catalog cannot be read: {error}",
            remedy="Correct the file, or unset EASEL_CATALOG.",
            fatal=True,
        )
    present = catalog.available(settings.resolved_models_dir)
    missing = sorted(set(catalog) - present)
    remedy = f"`easel models pull {missing[0]}` downloads it." if missing else None
    return Finding(
        subject="models",
        found=f"here: {', '.join(sorted(present))}"
        + (f"; not here: {', '.join(missing)}" if missing else ""),
        remedy=remedy,
    )


def _device(settings: Settings) -> Finding:
    try:
        return asyncio.run(_start_worker(settings))
    except Exception as error:  # noqa: BLE001 - whatever keeps a worker from starting is the finding
        return Finding(
            subject="device",
            found=f"no worker starts: {error}",
            remedy="Install Easel anew into a fresh virtual environment; EASEL_DEVICE=cpu leaves"
            " the GPU alone.",
            fatal=True,
        )


async def _start_worker(settings: Settings) -> Finding:
    async with open_executor(settings) as started:
        slots = started.executor.slots()
        found = ", ".join(
            f"{slot.device} ({slot.device_name}, {slot.memory_bytes / GIB:.0f} GiB)"
            for slot in slots
        )
        remedy = None
        if slots[0].device == "cpu":
            remedy = "Full-size SDXL needs a GPU; the built-in model draws well enough on a CPU."
        elif slots[0].memory_bytes < LOW_MEMORY_BYTES:
            remedy = "Full-size SDXL wants 10 GiB or more on the GPU."
        return Finding(
            subject="device", found=f"{found}; draws with {started.card.name}", remedy=remedy
        )
