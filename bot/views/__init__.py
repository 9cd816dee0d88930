"""Buttons, selects and modals. They hold ids only, so they work after any restart."""

from bot.views.batch import draw_all
from bot.views.cancel import CancelButton, cancel_view
from bot.views.grid import RerollButton, UpscaleButton, VariationButton, grid_view
from bot.views.waiting import announce, tell_missed
from bot.views.wish import NoButton, YesButton, ask

__all__ = [
    "DYNAMIC_ITEMS",
    "CancelButton",
    "NoButton",
    "RerollButton",
    "UpscaleButton",
    "VariationButton",
    "YesButton",
    "announce",
    "ask",
    "cancel_view",
    "draw_all",
    "grid_view",
    "tell_missed",
]

DYNAMIC_ITEMS = (
    CancelButton,
    NoButton,
    RerollButton,
    UpscaleButton,
    VariationButton,
    YesButton,
)
"""Every button that must work after a restart; the client registers them."""
