"""Buttons, selects and modals. They hold ids only, so they work after any restart."""

from bot.views.cancel import CancelButton, cancel_view
from bot.views.grid import RerollButton, UpscaleButton, VariationButton, grid_view
from bot.views.waiting import announce, tell_missed

__all__ = [
    "DYNAMIC_ITEMS",
    "CancelButton",
    "RerollButton",
    "UpscaleButton",
    "VariationButton",
    "announce",
    "cancel_view",
    "grid_view",
    "tell_missed",
]

DYNAMIC_ITEMS = (CancelButton, RerollButton, UpscaleButton, VariationButton)
"""Every button that must work after a restart; the client registers them."""
