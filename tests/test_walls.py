"""The house's walls that a linter of imports cannot see."""

import subprocess
import sys


def modules_after(statement: str) -> set[str]:
    """Return the modules that are loaded in a fresh process after one statement."""
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_bot_and_its_command_line_load_no_torch() -> None:
    loaded = modules_after(
        "import bot.app, bot.cli.run, bot.cli.imagine, bot.cli.doctor, bot.cli.models"
    )
    assert "bot.app" in loaded
    assert not loaded & {"torch", "diffusers", "transformers", "numpy"}


def test_help_answers_without_loading_the_bot() -> None:
    loaded = modules_after("import bot.__main__")
    assert not loaded & {"discord", "sqlalchemy", "aiohttp"}
