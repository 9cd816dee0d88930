"""Buttons, selects and modals. They hold ids only, so they work after any restart."""

from bot.views.answers import DetailsButton, PromptButton, answer_view
from bot.views.cancel import CancelButton, cancel_view
from bot.views.drawing import draw
from bot.views.forms import submit_form
from bot.views.grid import (
    RerollButton,
    UpscaleButton,
    VariationButton,
    VaryButton,
    grid_view,
)
from bot.views.waiting import announce, tell_missed
from bot.views.wish import NoButton, YesButton

__all__ = [
    "DYNAMIC_ITEMS",
    "announce",
    "answer_view",
    "cancel_view",
    "draw",
    "grid_view",
    "submit_form",
    "tell_missed",
]

DYNAMIC_ITEMS = (
    CancelButton,
    DetailsButton,
    NoButton,
    PromptButton,
    RerollButton,
    UpscaleButton,
    VariationButton,
    VaryButton,
    YesButton,
)
"""Every button that must work after a restart; the client registers them."""
