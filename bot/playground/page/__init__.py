"""The browser page: static files, served as they are. Nothing in it comes from elsewhere."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

_FOLDER = Path(__file__).parent
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_INDEX = "index.html"
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


def _serve(name: str, content_type: str) -> web.Response:
    body = (_FOLDER / name).read_bytes()
    return web.Response(body=body, content_type=content_type, charset="utf-8", headers=_HEADERS)


async def serve_index(_request: web.Request) -> web.Response:
    """Serve the page itself."""
    return _serve(_INDEX, "text/html")


async def _serve_part(request: web.Request) -> web.Response:
    name = request.path.removeprefix("/")
    return _serve(name, _TYPES[Path(name).suffix])


def add_parts(application: web.Application) -> None:
    """Register every file that the page loads."""
    for path in _FOLDER.iterdir():
        if path.suffix in _TYPES:
            application.router.add_get(f"/{path.name}", _serve_part)
