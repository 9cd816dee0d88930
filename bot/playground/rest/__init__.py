"""The bot's side over HTTP: Discord's REST API, version 10, as far as the README says."""

from bot.playground.rest.api import Api, Call, Route

__all__ = ["Api", "Call", "Route"]
