"""Who may knock: only requests that mean this server and do not come from a foreign web page.

Without this, any page in the owner's browser could reach the loopback port: through a host name
that resolves to 127.0.0.1 (DNS rebinding), or by a request across origins.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL


def doorkeeper(own_hosts: Callable[[], frozenset[str]]) -> Middleware:
    """Return a middleware that refuses a foreign `Host` or `Origin`."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = own_hosts()
        if request.headers.get("Host") not in hosts:
            return web.Response(status=403, text="This host name is not the channel's.")
        origin = request.headers.get("Origin")
        if origin is not None and not _is_own(origin, request.scheme, hosts):
            return web.Response(status=403, text="This page is not the channel's.")
        return await handler(request)

    return check


def _is_own(origin: str, scheme: str, hosts: frozenset[str]) -> bool:
    try:
        url = URL(origin)
    except ValueError:
        return False
    return url.scheme == scheme and url.authority in hosts
