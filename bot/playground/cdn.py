"""The CDN: attachments behind signed URLs, served so that a browser runs nothing in them."""

from __future__ import annotations

from aiohttp import web

from bot.playground.files import FileStore

_SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "video/mp4"})


class Cdn:
    """Serves `/attachments/{channel}/{file}/{name}?ex&is&hm`."""

    def __init__(self, files: FileStore) -> None:
        self._files = files

    def add_to(self, application: web.Application) -> None:
        """Register the route."""
        path = "/attachments/{channel_id}/{file_id}/{filename}"
        application.router.add_get(path, self._get)

    async def _get(self, request: web.Request) -> web.Response:
        query = request.query
        file = self._files.open(
            request.rel_url.raw_path,
            expiry=query.get("ex", ""),
            issue=query.get("is", ""),
            signature=query.get("hm", ""),
        )
        if file is None:
            return web.Response(status=404, text="This content is no longer available.")
        disposition = "inline" if file.content_type in _SHOWN else "attachment"
        headers = {
            "Content-Type": file.content_type,
            "Content-Disposition": f'{disposition}; filename="{file.filename}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=86400",
        }
        return web.Response(body=self._files.read(file), headers=headers)
