"""What a training stage leaves in the work folder: its averaged weights, and where it stopped."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


def save_weights(weights: dict[str, Tensor], file: Path) -> None:
    """Save tensors so that a reader never meets half a file."""
    partial = file.with_suffix(".partial")
    save_file({name: value.contiguous() for name, value in weights.items()}, partial)
    partial.replace(file)


def load_weights(file: Path) -> dict[str, Tensor]:
    """Read what `save_weights` wrote."""
    return load_file(file)


def load_if_trained(module: nn.Module, file: Path) -> None:
    """Load a stage's averaged weights where it, or `unpack`, has left some."""
    if file.exists():
        module.load_state_dict(load_weights(file))


class Average:
    """An exponential moving average of a module's parameters (warmed up: it starts short)."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.values = {
            name: value.detach().clone().float() for name, value in module.state_dict().items()
        }

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the average a little towards the module's present values."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        present = module.state_dict()
        floating = [name for name, value in self.values.items() if value.is_floating_point()]
        torch._foreach_lerp_(
            [self.values[name] for name in floating],
            [present[name].float() for name in floating],
            1 - decay,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs."""
        return {"steps": self.steps, "values": self.values}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue an average that was saved."""
        self.steps = state["steps"]
        self.values = state["values"]
