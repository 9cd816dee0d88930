"""The browser page: static files, served as they are. Nothing in it comes from elsewhere."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

_FOLDER = Path(__file__).parent
_FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/markdown.js": ("markdown.js", "text/javascript"),
    "/composer.js": ("composer.js", "text/javascript"),
    "/messages.js": ("messages.js", "text/javascript"),
    "/forms.js": ("forms.js", "text/javascript"),
    "/wire.js": ("wire.js", "text/javascript"),
    "/logo.svg": ("logo.svg", "image/svg+xml"),
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


async def serve_page(request: web.Request) -> web.Response:
    """Serve one file of the page."""
    name, content_type = _FILES[request.path]
    body = (_FOLDER / name).read_bytes()
    return web.Response(body=body, content_type=content_type, charset="utf-8", headers=_HEADERS)


def add_page(application: web.Application) -> None:
    """Register every file but the root, which the server shares with the gateway."""
    for path in _FILES:
        if path != "/":
            application.router.add_get(path, serve_page)
