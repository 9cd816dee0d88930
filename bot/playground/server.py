"""The channel as one object: a server on loopback that bots and people connect to."""

from __future__ import annotations

import secrets
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.playground.acts import Acts
from bot.playground.cdn import Cdn
from bot.playground.clock import Clock
from bot.playground.commands import CommandBook
from bot.playground.doorkeeper import doorkeeper
from bot.playground.faults import Faults
from bot.playground.gateway import Gateway
from bot.playground.human import Human
from bot.playground.interactions import Interactions
from bot.playground.page import add_parts, serve_index
from bot.playground.page_api import PageApi
from bot.playground.point import PRODUCTION_HOSTS
from bot.playground.ratelimit import RateLimiter
from bot.playground.rest import Api, Route
from bot.playground.rest.application import ApplicationRoutes
from bot.playground.rest.channels import ChannelRoutes
from bot.playground.rest.webhooks import WebhookRoutes
from bot.playground.wire import Exchange
from bot.playground.world import World

_MAX_BODY_BYTES = 128 * 1024 * 1024
_SHUTDOWN_SECONDS = 1.0
_GATEWAY_HOST = "gateway.discord.gg"


class Playground:
    """A Discord-compatible server on loopback, alive while the context is open.

    With `ssl_context` it serves TLS and speaks of itself by Discord's own host names, for clients
    that come through `point.production_connector`.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        page_token: str | None = None,
    ) -> None:
        if host not in {"127.0.0.1", "::1"}:
            raise ValueError(f"host is to be on loopback, not {host!r}")
        self.host = host
        self.port = port
        """The port; 0 until the context is open and a free one was taken."""
        self.bot_token = f"playground.{secrets.token_urlsafe(24)}"
        self.page_token = page_token or secrets.token_urlsafe(24)
        self.world = World()
        self.gateway = Gateway(world=self.world, bot_token=self.bot_token)
        self.commands = CommandBook(clock=self.world.clock)
        self.interactions = Interactions(self.world)
        self._ssl_context = ssl_context
        self._api = Api(bot_token=self.bot_token, routes=self._make_routes())
        self._page_api = PageApi(
            world=self.world,
            acts=Acts(world=self.world, commands=self.commands, interactions=self.interactions),
            token=self.page_token,
            is_online=lambda: self.gateway.is_online,
        )
        self.world.listeners += [self.gateway.forward, self._page_api.forward]
        self._exits = AsyncExitStack()

    def _make_routes(self) -> list[Route]:
        application = ApplicationRoutes(
            world=self.world, commands=self.commands, gateway_url=lambda: self.gateway.url
        )
        channels = ChannelRoutes(world=self.world)
        webhooks = WebhookRoutes(world=self.world, interactions=self.interactions)
        return [*application.routes(), *channels.routes(), *webhooks.routes()]

    # What callers see.

    @property
    def base_url(self) -> str:
        """Return where the server listens."""
        scheme = "https" if self._ssl_context else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    @property
    def endpoint(self) -> tuple[str, int]:
        """Return the address and the port, where attachments are served too."""
        return self.host, self.port

    @property
    def page_url(self) -> str:
        """Return the page's address with the run's access token."""
        return f"{self.base_url}/#{self.page_token}"

    def human(
        self,
        name: str = "Ada",
        *,
        channel: str = "imagine",
        ssl_context: ssl.SSLContext | None = None,
    ) -> Human:
        """Return a person (Ada, Ben, or Grace the administrator) to be used as a context."""
        self.world.person(name)
        return Human(self.base_url, self.page_token, name, channel=channel, ssl_context=ssl_context)

    @property
    def clock(self) -> Clock:
        """Return the clock; `advance` skews it."""
        return self.world.clock

    @property
    def faults(self) -> Faults:
        """Return where faults are ordered."""
        return self._api.faults

    @property
    def rate_limits(self) -> RateLimiter:
        """Return the rate limiter."""
        return self._api.limiter

    @property
    def observers(self) -> list[Callable[[Exchange], None]]:
        """Return those who are shown every exchange with the bot; append to it."""
        return self._api.observers

    @property
    def exchanges(self) -> deque[Exchange]:
        """Return the last exchanges with the bot."""
        return self._api.exchanges

    @property
    def unimplemented(self) -> list[str]:
        """Return the bot's requests for which there is no route."""
        return self._api.unimplemented

    # Alive.

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            runner = web.AppRunner(
                self._application(), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS
            )
            await runner.setup()
            exits.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, self.host, self.port, ssl_context=self._ssl_context)
            await site.start()
            self.port = runner.addresses[0][1]
            self._publish()
            exits.callback(self.interactions.close)
            exits.push_async_callback(self._page_api.close)
            exits.push_async_callback(self.gateway.close)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exits.aclose()

    def _application(self) -> web.Application:
        application = web.Application(
            middlewares=[doorkeeper(self._own_hosts)], client_max_size=_MAX_BODY_BYTES
        )
        self._api.add_to(application)
        self._page_api.add_to(application)
        Cdn(self.world.files).add_to(application)
        add_parts(application)
        application.router.add_get("/gateway/", self.gateway.handle)
        application.router.add_get("/", self._root)
        return application

    async def _root(self, request: web.Request) -> web.StreamResponse:
        """Serve the gateway to wss://gateway.discord.gg/ and the page to everyone else."""
        if request.host == _GATEWAY_HOST:
            return await self.gateway.handle(request)
        if request.host.startswith("localhost:"):
            # Pictures have the other name in their address, and the page's policy wants one only.
            raise web.HTTPFound(f"{self.base_url}/")
        return await serve_index(request)

    def _own_hosts(self) -> frozenset[str]:
        own = frozenset(f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]"))
        return own | PRODUCTION_HOSTS if self._ssl_context else own

    def _publish(self) -> None:
        """Fix the addresses that the server tells of itself, now that the port is known."""
        if self._ssl_context:
            self.world.files.base_url = "https://cdn.discordapp.com"
            self.gateway.url = f"wss://{_GATEWAY_HOST}/"
        else:
            self.world.files.base_url = self.base_url
            self.gateway.url = f"{self.base_url.replace('http', 'ws', 1)}/gateway/"
