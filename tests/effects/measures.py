"""What is measured of pictures (B, H, W, 3), float32, 0 to 1."""

from __future__ import annotations

import numpy as np


def distance(pictures: np.ndarray, others: np.ndarray) -> float:
    """Return how far apart two batches are, picture by picture."""
    return float(np.abs(pictures - others).mean())


def spread(pictures: np.ndarray) -> float:
    """Return the mean distance of each picture to each other of its batch."""
    count = len(pictures)
    pairs = [(one, other) for one in range(count) for other in range(one)]
    return float(np.mean([distance(pictures[one], pictures[other]) for one, other in pairs]))


def seam(pictures: np.ndarray) -> float:
    """Return the step from an edge to the opposite one, beside the mean step between neighbours."""
    across = np.abs(pictures[:, 0] - pictures[:, -1]).mean()
    across += np.abs(pictures[:, :, 0] - pictures[:, :, -1]).mean()
    return float(across / sum(steps.mean() for steps in _steps(pictures)))


def sharpness(pictures: np.ndarray) -> float:
    """Return how steep the steepest of the edges are."""
    return float(np.mean([np.quantile(steps, 0.995) for steps in _steps(pictures)]))


def roughness(pictures: np.ndarray) -> float:
    """Return how much neighbours differ beyond a slope: noise, not edges (the median)."""
    grey = pictures.mean(-1)
    bent = np.abs(np.diff(grey, 2, axis=1)), np.abs(np.diff(grey, 2, axis=2))
    return float(np.mean([np.median(steps) for steps in bent]))


def burnt(pictures: np.ndarray) -> float:
    """Return the share of values that are as dark or as bright as can be."""
    return float(((pictures < 0.01) | (pictures > 0.99)).mean())


def redness(pictures: np.ndarray) -> float:
    """Return the share of pixels that are red: more so than green or blue."""
    return float((pictures[..., 0] > 1.6 * pictures[..., 1:].max(-1)).mean())


def greenness(pictures: np.ndarray) -> float:
    """Return the share of pixels that are green."""
    return float((pictures[..., 1] > 1.3 * pictures[..., ::2].max(-1)).mean())


def blueness(pictures: np.ndarray) -> float:
    """Return the share of pixels that are blue."""
    return float((pictures[..., 2] > 1.3 * pictures[..., :2].max(-1)).mean())


def yellowness(pictures: np.ndarray) -> float:
    """Return the share of pixels that are yellow: red and green alike, and little blue."""
    return float((pictures[..., :2].min(-1) > 1.6 * pictures[..., 2]).mean())


def _steps(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.abs(np.diff(pictures, axis=1)), np.abs(np.diff(pictures, axis=2))
