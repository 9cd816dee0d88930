"""How much work a request is, and what takes equally long."""

from __future__ import annotations

from engine.api import DrawingRequest, ImageToImage, Request
from engine.models.card import ModelCard

USUAL_IMAGES = 4
WORDS_COST = 0.05
"""What it costs to read a picture or a prompt, beside a grid."""


def compat_key(request: Request) -> str:
    """Return what requests have in common that take equally long, for equal costs."""
    if isinstance(request, DrawingRequest):
        return f"{request.model}:{request.width}x{request.height}"
    return f"{request.model}:words"


def pixels_of(request: Request) -> int:
    """Return what a request takes of a batch."""
    if not isinstance(request, DrawingRequest):
        return 0
    return request.num_drawn * request.width * request.height


def cost_of(request: Request, card: ModelCard) -> float:
    """Return how much work a request is; 1 is the model's usual grid of four."""
    if not isinstance(request, DrawingRequest):
        return WORDS_COST
    steps: float = request.num_inference_steps * request.stop_at
    if isinstance(request, ImageToImage):
        steps *= request.strength
    width, height = card.default_size
    pixels = (request.width * request.height) / (width * height)
    return request.num_drawn / USUAL_IMAGES * steps / card.num_inference_steps * pixels
