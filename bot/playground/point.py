"""How a stock discord.py client is led to the channel: in one process, or by its own connector."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import discord
from aiohttp.abc import AbstractResolver, ResolveResult
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

PRODUCTION_HOSTS = frozenset(
    {"discord.com", "gateway.discord.gg", "cdn.discordapp.com", "media.discordapp.net"}
)


@contextmanager
def point_discord_at(base_url: str) -> Iterator[None]:
    """Lead every discord.py client of this process to `base_url` while the context is open.

    It sets three class attributes of discord.py: where REST, the gateway and pictures of users lie.
    """
    former = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, discord.Asset.BASE
    gateway = URL(base_url) / "gateway/"
    Route.BASE = f"{base_url}/api/v10"
    DiscordWebSocket.DEFAULT_GATEWAY = gateway.with_scheme(_websocket_scheme(gateway.scheme))
    discord.Asset.BASE = base_url
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, discord.Asset.BASE = former


def _websocket_scheme(scheme: str) -> str:
    return {"http": "ws", "https": "wss"}[scheme]


class PlaygroundResolver(AbstractResolver):
    """Finds Discord's own host names at the channel, and no other host anywhere."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the channel's address. Raises OSError for a host that is not Discord's."""
        del port, family
        if host not in PRODUCTION_HOSTS:
            raise OSError(f"{host} is not part of Discord; nothing else is reached from here")
        result = ResolveResult(
            hostname=host,
            host="127.0.0.1",
            port=self._port,
            family=socket.AF_INET,
            proto=0,
            flags=socket.AI_NUMERICHOST,
        )
        return [result]

    async def close(self) -> None:
        """Hold nothing, so close nothing."""


def production_connector(port: int, ssl_context: ssl.SSLContext) -> aiohttp.TCPConnector:
    """Return a connector for `discord.Client(connector=...)` that takes production URLs to TLS
    on the channel's port. It needs a running event loop.
    """
    return aiohttp.TCPConnector(
        resolver=PlaygroundResolver(port), ssl=ssl_context, use_dns_cache=False
    )
