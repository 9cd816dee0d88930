"""The table of parameters in README, written from the table of flags.

python -m bot.prompt.document
"""

from __future__ import annotations

from pathlib import Path

from bot.prompt.flags import FLAGS, Flag
from bot.prompt.values import Switch

BEGIN, END = "<!-- parameters:begin -->", "<!-- parameters:end -->"
README = Path(__file__).parents[2] / "README.md"


def table() -> str:
    """Return the parameters as a table in Markdown."""
    lines = ["| parameter | also | values | normally | does |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *map(_row, FLAGS)])


def documented(text: str) -> str:
    """Return a document whose part between the two marks is the table of today."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _row(flag: Flag) -> str:
    cells = [
        f"`--{flag.name}`",
        " ".join(f"`--{alias}`" for alias in flag.aliases),
        "" if isinstance(flag.kind, Switch) else flag.kind.describe(),
        f"`{flag.default_text()}`" if flag.default_text() else "",
        flag.help,
    ]
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


if __name__ == "__main__":
    README.write_text(documented(README.read_text(encoding="utf-8")), encoding="utf-8")
