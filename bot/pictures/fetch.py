"""Reads a picture's bytes from a link, and nothing from where a link must not lead.

Every connection is checked when it is opened, by the address that is really connected to: names
that change their answer, literals in any notation and redirects all pass the same point. Whatever
goes wrong, the user reads the same sentence, so that a link tells nothing about this network.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bot.errors import UserError
from bot.pictures.addresses import Reach
from bot.pictures.decode import MAX_BYTES

logger = logging.getLogger(__name__)

MAX_REDIRECTS = 3
TIMEOUT_SECONDS = 10.0
AT_ONCE = 8

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {
    "Accept": "image/png, image/jpeg, image/webp, image/gif",
    "Accept-Encoding": "identity",
    "User-Agent": "Easel",
}


class LinkRefusedError(UserError):
    """A link that gave no picture. One sentence for every reason."""

    def __init__(self) -> None:
        super().__init__(
            "I could not get a picture from that link. Use a public https link to a PNG, JPEG,"
            f" WebP or GIF of at most {MAX_BYTES // 2**20} MB, or attach the file."
        )


class Fetcher:
    """Fetches links within a reach; open while its context is."""

    def __init__(
        self,
        *,
        reach: Reach,
        resolver: AbstractResolver | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """Keep to `reach`; `resolver` answers for names, the system's by default."""
        self._reach = reach
        self._resolver = resolver
        self._timeout_seconds = timeout_seconds

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            resolver=_AllOrNone(self._reach, self._resolver or aiohttp.ThreadedResolver()),
            socket_factory=self._open_socket,
            use_dns_cache=False,
            force_close=True,
            limit=AT_ONCE,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def fetch(self, link: str) -> bytes:
        """Return what the link leads to, at most 25 MB. Raises LinkRefusedError."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._follow(link)
        except (OSError, aiohttp.ClientError, ValueError) as error:
            # The address may hold a secret in its query: the log has the host at most.
            logger.info("a link was refused: %s", type(error).__name__)
            raise LinkRefusedError from error

    async def _follow(self, link: str) -> bytes:
        url = self._checked(URL(link))
        for _ in range(MAX_REDIRECTS + 1):
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status not in _REDIRECTS:
                    return await _body(response)
                url = self._checked(url.join(URL(response.headers.get("Location", ""))))
        raise ValueError("too many redirects")

    def _checked(self, url: URL) -> URL:
        """Return the address if its spelling may be followed. Raises ValueError."""
        if url.scheme not in {"http", "https"} or not url.host:
            raise ValueError("not an address of the web")
        if url.user is not None or url.password is not None:
            raise ValueError("a name or a password in the address")
        if url.port is None or not self._reach.allows_port(url.port):
            raise ValueError("another port")
        return url

    def _open_socket(self, info: tuple[int, int, int, str, tuple[str, int]]) -> socket.socket:
        """Make the socket of one connection: the only place where this class reaches out."""
        family, kind, protocol, _, (host, port, *_) = info
        if not self._reach.allows(host, port):
            raise PermissionError("the address is not public")
        return socket.socket(family=family, type=kind, proto=protocol)


class _AllOrNone(AbstractResolver):
    """Refuses a name as a whole when one of its addresses is refused: it may choose another."""

    def __init__(self, reach: Reach, resolver: AbstractResolver) -> None:
        self._reach = reach
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the name's addresses. Raises OSError where one of them is refused."""
        found = await self._resolver.resolve(host, port, family)
        if not all(self._reach.allows(one["host"], one["port"]) for one in found):
            raise PermissionError("an address of that name is not public")
        return found

    async def close(self) -> None:
        """Close what answers."""
        await self._resolver.close()


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Read an answer as far as the limit. Raises ValueError for one that is longer."""
    if response.status != 200:
        raise ValueError("no picture there")
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > MAX_BYTES:
            raise ValueError("too large")
    return bytes(body)
