"""How a request of the bot is served: token, fault, rate limit, handler, record.

The handlers know nothing of this; they are plain functions from a call to a reply.
"""

from __future__ import annotations

import hmac
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from bot.playground.errors import ApiError, not_found, unauthorized
from bot.playground.faults import Fault, FaultKind, Faults
from bot.playground.ratelimit import RateLimiter
from bot.playground.wire import Body, Exchange, read_body, reply

PREFIX = "/api/v10"
_KEPT_EXCHANGES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as a handler sees it."""

    parameters: Mapping[str, str]
    """What stands at the braces of the route."""
    query: Mapping[str, str]
    body: Body

    def __getitem__(self, name: str) -> str:
        return self.parameters[name]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path template below `/api/v10`, and who answers there."""

    method: str
    template: str
    handler: Callable[[Call], web.Response]
    is_interaction: bool = False
    """Authorised by the token in the path, and exempt from the global rate limit."""


@dataclass(slots=True, kw_only=True)
class Api:
    """All routes of the bot, served alike."""

    bot_token: str
    routes: list[Route]
    limiter: RateLimiter = field(default_factory=RateLimiter)
    faults: Faults = field(default_factory=Faults)
    observers: list[Callable[[Exchange], None]] = field(default_factory=list)
    exchanges: deque[Exchange] = field(default_factory=lambda: deque(maxlen=_KEPT_EXCHANGES))
    unimplemented: list[str] = field(default_factory=list)
    """The requests for which there is no route, as "METHOD /path"."""

    def add_to(self, application: web.Application) -> None:
        """Register every route, and one that catches and records the rest."""
        for route in self.routes:
            path = PREFIX + route.template
            application.router.add_route(route.method, path, self._server_of(route))
        application.router.add_route("*", "/api/{tail:.*}", self._serve_unknown)

    def _server_of(self, route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            return await self._serve(route, request)

        return serve

    async def _serve_unknown(self, request: web.Request) -> web.Response:
        self.unimplemented.append(f"{request.method} {request.path}")
        return reply(not_found().payload(), status=404)

    async def _serve(self, route: Route, request: web.Request) -> web.Response:
        path = request.path.removeprefix(PREFIX)
        fault = self.faults.take(route.method, path)
        if fault and (failed := _fail_before(fault, request)):
            return failed
        body = Body(payload=None, files={})
        try:
            body = await read_body(request)
            response = self._answer(route, request, body)
        except ApiError as error:
            response = reply(error.payload(), status=error.status)
        self._record(request, path, body, response)
        if fault and fault.kind is FaultKind.DROPPED_AFTER:
            _cut(request)
        return response

    def _answer(self, route: Route, request: web.Request, body: Body) -> web.Response:
        if not route.is_interaction:
            self._authenticate(request)
        parameters = dict(request.match_info)
        verdict = self.limiter.take(
            route.method, route.template, parameters, counts_globally=not route.is_interaction
        )
        if verdict.retry_after_seconds is not None:
            response = _limited(verdict.retry_after_seconds, is_global=verdict.is_global)
        else:
            try:
                response = route.handler(
                    Call(parameters=parameters, query=request.query, body=body)
                )
            except ApiError as error:
                response = reply(error.payload(), status=error.status)
        response.headers.update(verdict.headers)
        return response

    def _authenticate(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bot {self.bot_token}".encode()):
            raise unauthorized()

    def _record(self, request: web.Request, path: str, body: Body, response: web.Response) -> None:
        raw = response.body
        exchange = Exchange(
            method=request.method,
            path=path,
            content_type=request.content_type,
            request=body.payload,
            file_count=len(body.files),
            status=response.status,
            response=json.loads(raw) if isinstance(raw, bytes) and raw else None,
        )
        self.exchanges.append(exchange)
        for observer in self.observers:
            observer(exchange)


def _limited(retry_after_seconds: float, *, is_global: bool) -> web.Response:
    message = "You are being rate limited."
    body = {"message": message, "code": 0, "global": is_global}
    return reply(body | {"retry_after": retry_after_seconds}, status=429)


def _fail_before(fault: Fault, request: web.Request) -> web.Response | None:
    match fault.kind:
        case FaultKind.RATE_LIMITED:
            response = _limited(fault.retry_after_seconds, is_global=fault.is_global)
            response.headers["Via"] = "1.1 playground"
            response.headers["Retry-After"] = str(int(fault.retry_after_seconds) + 1)
            return response
        case FaultKind.SERVER_ERROR:
            return web.Response(status=fault.status, text="upstream connect error")
        case FaultKind.DROPPED:
            _cut(request)
            return web.Response(status=500)
        case FaultKind.DROPPED_AFTER:
            return None


def _cut(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()
