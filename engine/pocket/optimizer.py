"""Muon for matrices and filters, AdamW for everything else.

Muon (Jordan et al. 2024) makes each update orthogonal with a few Newton-Schulz iterations, which
spends a short training budget better than AdamW alone. Updates are scaled as in Liu et al. 2025
(arXiv:2502.16982, eq. 4), so that one learning rate serves both.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

# Layers whose rows are not directions: looked up, or at the border of the network.
PLAIN_LAYERS = ("embedding", "conv_in", "conv_out", "quant_conv", "logit_scale")


def orthogonalise(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Replace the singular values of a matrix (rows <= columns) by about one."""
    x = matrix.bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    result: Tensor = x.to(matrix.dtype)
    return result


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal. Parameters of more than two dimensions count as matrices."""

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)

    def _move(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].lerp_(gradient, 1 - group["momentum"])
        update = gradient.lerp(state["momentum"], group["momentum"]).flatten(1)
        if is_tall := update.shape[0] > update.shape[1]:
            update = update.T
        update = orthogonalise(update)
        if is_tall:
            update = update.T
        scale = 0.2 * max(update.shape) ** 0.5
        parameter.add_(update.reshape(parameter.shape), alpha=-group["lr"] * scale)


def build_optimizers(module: nn.Module, *, lr: float) -> list[torch.optim.Optimizer]:
    """Divide a module's parameters between the two optimizers.

    What does not learn is there too, and left alone: a checkpoint fits after a part is frozen.
    """
    matrices: list[Tensor] = []
    others: list[Tensor] = []
    for name, parameter in module.named_parameters():
        is_matrix = parameter.ndim >= 2 and not any(part in name for part in PLAIN_LAYERS)
        (matrices if is_matrix else others).append(parameter)
    return [
        Muon(matrices, lr=lr),
        torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.98), weight_decay=0.0),
    ]
