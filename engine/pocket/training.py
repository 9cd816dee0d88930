"""The loop every stage shares: a time budget, an average of the weights, checkpoints and sheets.

A stage brings its module, its loss and its sheet; the loop knows nothing about pictures.
"""

import logging
import math
import time
from pathlib import Path
from typing import Protocol

import torch
from PIL import Image
from rich.progress import Progress
from torch import Tensor, nn

from engine.pocket.checkpoint import Average
from engine.pocket.optimizer import build_optimizers

logger = logging.getLogger(__name__)

WARM_UP_STEPS = 60
CHECKPOINT_SECONDS = 900.0
LOG_SECONDS = 30.0


class Stage(Protocol):
    """One thing to train."""

    name: str
    learning_rate: float
    average_decay: float

    @property
    def module(self) -> nn.Module:
        """Everything that learns."""

    def loss(self) -> tuple[Tensor, dict[str, float]]:
        """Draw a batch; return its loss and the figures worth a line in the log."""

    def save(self) -> None:
        """Write the weights `module` holds where `export` finds them."""

    def sheet(self) -> Image.Image:
        """Draw a contact sheet with the module as it is now."""


def device() -> torch.device:
    """Pick CUDA where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def learning_rate_factor(step: int, share: float) -> float:
    """Warm up, stay for 40 % of the time budget, then fall along a cosine to 3 %."""
    fall = 0.5 + 0.5 * math.cos(math.pi * max(0.0, share - 0.4) / 0.6)
    return min(1.0, (step + 1) / WARM_UP_STEPS) * (0.03 + 0.97 * fall)


class Trainer:
    """Trains one stage for a while, from its last checkpoint if there is one."""

    def __init__(self, stage: Stage, work: Path) -> None:
        self.stage = stage
        self.work = work
        self.optimizers = build_optimizers(stage.module, lr=stage.learning_rate)
        self.average = Average(stage.module, stage.average_decay)
        self.steps = 0
        self.seconds = 0.0
        self.file = work / f"{stage.name}.checkpoint.pt"
        if self.file.exists():
            self._resume()

    def _resume(self) -> None:
        """Continue where the last run of this stage stopped."""
        state = torch.load(self.file, map_location=device(), weights_only=True)
        self.stage.module.load_state_dict(state["module"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.average.load_state_dict(state["average"])
        self.steps, self.seconds = state["steps"], state["seconds"]
        logger.info("stage=%s resumed steps=%d", self.stage.name, self.steps)

    def run(self, minutes: float) -> None:
        """Train for `minutes`, then save."""
        budget, begin, saved, shown = 60 * minutes, time.monotonic(), 0.0, 0.0
        before = self.seconds
        figures: dict[str, float] = {}
        with Progress() as bar:
            task = bar.add_task(self.stage.name, total=budget)
            while (spent := time.monotonic() - begin) < budget:
                for name, value in self._step(spent / budget).items():
                    figures[name] = 0.98 * figures.get(name, value) + 0.02 * value
                self.seconds = before + spent
                bar.update(task, completed=spent)
                if spent - shown > LOG_SECONDS:
                    shown = spent
                    logger.info(
                        "stage=%s seconds=%.0f %s",
                        self.stage.name,
                        self.seconds,
                        self._line(figures),
                    )
                if spent - saved > CHECKPOINT_SECONDS:
                    saved = spent
                    self.save(figures)
        self.save(figures)

    def _step(self, share: float) -> dict[str, float]:
        """Take one optimizer step. `share`: how much of the time budget is spent."""
        factor = learning_rate_factor(self.steps, share)
        loss, figures = self.stage.loss()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.stage.module.parameters(), 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.stage.learning_rate * factor
            optimizer.step()
            optimizer.zero_grad()
        self.average.update(self.stage.module)
        self.steps += 1
        return {"loss": loss.item(), **figures}

    def _line(self, figures: dict[str, float]) -> str:
        """Write the running figures."""
        parts = [f"steps={self.steps}", *(f"{name}={x:.4f}" for name, x in figures.items())]
        return " ".join(parts)

    def save(self, figures: dict[str, float]) -> None:
        """Write the checkpoint, the averaged weights and a sheet drawn with them."""
        state = {
            "module": self.stage.module.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "average": self.average.state_dict(),
            "steps": self.steps,
            "seconds": self.seconds,
        }
        partial = self.file.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.file)
        present = {name: value.clone() for name, value in self.stage.module.state_dict().items()}
        self.stage.module.load_state_dict(self.average.values)
        self.stage.module.eval()
        self.stage.save()
        sheets = self.work / "sheets"
        sheets.mkdir(exist_ok=True)
        with torch.no_grad():
            self.stage.sheet().save(sheets / f"{self.stage.name}-{self.steps:06d}.png")
        self.stage.module.load_state_dict(present)
        self.stage.module.train()
        line = self._line(figures)
        logger.info("stage=%s saved seconds=%.0f %s", self.stage.name, self.seconds, line)
