from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "diffusers", "transformers")


@pytest.mark.parametrize(
    "module",
    [
        "engine.api",
        "engine.frames",
        "engine.images",
        "engine.executors.local",
        "engine.models.catalog",
        "engine.models.download",
    ],
)
def test_what_the_bot_imports_loads_no_torch(module: str) -> None:
    code = f"import {module}, sys; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert answer.stdout.strip() == "[]"
