"""A local channel: a Discord-compatible server on loopback and its page. README.md says what of
Discord it emulates and what not. It knows nothing of the rest of the bot.
"""

from bot.playground.errors import ApiError, DidNotRespondError, HumanError, RefusedError
from bot.playground.faults import FaultKind
from bot.playground.guild import Permission
from bot.playground.human import Human
from bot.playground.point import point_discord_at, production_connector
from bot.playground.server import Playground
from bot.playground.sight import Answer, Attachment, Choice, Component, Message, Modal
from bot.playground.wire import Exchange

__all__ = [
    "Answer",
    "ApiError",
    "Attachment",
    "Choice",
    "Component",
    "DidNotRespondError",
    "Exchange",
    "FaultKind",
    "Human",
    "HumanError",
    "Message",
    "Modal",
    "Permission",
    "Playground",
    "RefusedError",
    "point_discord_at",
    "production_connector",
]
