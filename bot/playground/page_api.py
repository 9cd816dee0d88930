"""The people's side over HTTP: what `page/page.js` and `human.py` call, with one event stream.

All below `/playground/`. Every request carries the run's access token (`Authorization: Bearer ...`)
and names who acts (`X-Person: Ada`); the event stream sends both in its first frame.

    GET    state                              who, where, which channels
    GET    channels/{channel}/messages        oldest first
    GET    channels/{channel}/commands        what the picker offers here
    POST   channels/{channel}/messages        {content, attachments: [id], reply_to}
    DELETE channels/{channel}/messages/{id}   delete, or dismiss an ephemeral one
    POST   uploads?filename=                  raw bytes -> {id}
    POST   dms                                open the conversation with the bot
    POST   interactions                       {act: slash | menu | press | submit | autocomplete}
    GET    events                             websocket: {name, data}
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from aiohttp import WSMsgType, web

from bot.playground.acts import Acts
from bot.playground.errors import RefusedError
from bot.playground.files import URL_LIFETIME_SECONDS
from bot.playground.guild import User
from bot.playground.interactions import Interaction, Outcome
from bot.playground.limits import MAX_FILE_BYTES
from bot.playground.wire import Payload, Upload, reply
from bot.playground.world import Event, World

PREFIX = "/playground"
_HISTORY = 100
_ADMISSION_SECONDS = 10.0
Handler: TypeAlias = Callable[[web.Request, User], Awaitable[web.Response]]


@dataclass(slots=True, eq=False)
class _Listener:
    """One open event stream and who watches it."""

    user: User
    socket: web.WebSocketResponse
    outgoing: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)

    async def write(self) -> None:
        while (text := await self.outgoing.get()) is not None:
            try:
                await self.socket.send_str(text)
            except ConnectionError:
                return


@dataclass(slots=True, kw_only=True)
class PageApi:
    """The routes of the people, and their event streams; subscribe `forward` to the world."""

    world: World
    acts: Acts
    token: str
    is_online: Callable[[], bool]
    _listeners: set[_Listener] = field(default_factory=set)

    def add_to(self, application: web.Application) -> None:
        """Register the routes."""
        channel = "channels/{channel_id}"
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "state", self._state),
            ("GET", f"{channel}/messages", self._messages),
            ("POST", f"{channel}/messages", self._say),
            ("DELETE", f"{channel}/messages/{{message_id}}", self._delete),
            ("GET", f"{channel}/commands", self._commands),
            ("POST", "uploads", self._upload),
            ("POST", "dms", self._open_dm),
            ("POST", "interactions", self._interact),
        ]
        for method, path, handler in routes:
            application.router.add_route(method, f"{PREFIX}/{path}", self._guarded(handler))
        application.router.add_get(f"{PREFIX}/events", self._events)

    def _guarded(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if not self._is_valid(token):
                return reply({"error": "This page belongs to another run."}, status=401)
            try:
                user = self._person(request.headers.get("X-Person", ""))
                return await handler(request, user)
            except RefusedError as refusal:
                return reply({"error": str(refusal)}, status=409)
            except (KeyError, TypeError, ValueError) as error:
                return reply({"error": f"The request is malformed: {error!r}"}, status=400)

        return serve

    def _is_valid(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token.encode())

    def _person(self, name: str) -> User:
        try:
            return self.world.person(name)
        except KeyError as error:
            raise RefusedError(str(error.args[0])) from error

    # Seeing.

    async def _state(self, _request: web.Request, user: User) -> web.Response:
        return reply(self._state_of(user))

    def _state_of(self, user: User) -> Payload:
        channels = [
            one.payload() | {"name": one.name}
            for one in self.world.channels.values()
            if self.world.may_see(user.id, one.id, None)
        ]
        people = [one.payload() | {"is_admin": one.is_admin} for one in self.world.people]
        return {
            "me": user.payload(),
            "people": people,
            "bot": self.world.bot.payload(),
            "channels": channels,
            "online": self.is_online(),
            "max_file_bytes": MAX_FILE_BYTES,
        }

    async def _messages(self, request: web.Request, user: User) -> web.Response:
        channel = self.acts.visible_channel(user, request.match_info["channel_id"])
        found = list(self.world.history(channel, viewer_id=user.id))[:_HISTORY]
        return reply([self.world.payload(message) for message in reversed(found)])

    async def _commands(self, request: web.Request, user: User) -> web.Response:
        channel = self.acts.visible_channel(user, request.match_info["channel_id"])
        offered = self.acts.commands.offered(user, channel)
        return reply(sorted(offered, key=lambda command: str(command["name"])))

    # Acting.

    async def _say(self, request: web.Request, user: User) -> web.Response:
        channel = self.acts.visible_channel(user, request.match_info["channel_id"])
        body = await request.json()
        uploads = [self._uploaded(file_id) for file_id in body.get("attachments") or []]
        message = self.acts.say(
            user, channel, str(body.get("content") or ""), uploads, body.get("reply_to")
        )
        return reply(self.world.payload(message))

    def _uploaded(self, file_id: str) -> Upload:
        file = self.world.files.get(file_id)
        if file is None:
            raise RefusedError(f"There is no uploaded file {file_id}.")
        return Upload(filename=file.filename, data=self.world.files.read(file))

    async def _delete(self, request: web.Request, user: User) -> web.Response:
        channel = self.acts.visible_channel(user, request.match_info["channel_id"])
        message = self.acts.visible_message(user, channel, request.match_info["message_id"])
        self.acts.delete(user, message)
        return reply()

    async def _upload(self, request: web.Request, user: User) -> web.Response:
        data = await request.read()
        if len(data) > MAX_FILE_BYTES:
            raise RefusedError("The file is over 10 MiB.")
        upload = Upload(filename=request.query["filename"], data=data)
        file = self.world.files.add(upload, channel_id=user.id)
        self.world.files.discard(file, after_seconds=URL_LIFETIME_SECONDS)
        return reply(self.world.files.payload(file, ephemeral=True))

    async def _open_dm(self, _request: web.Request, user: User) -> web.Response:
        channel = self.world.open_dm(user)
        return reply(channel.payload() | {"name": channel.name})

    async def _interact(self, request: web.Request, user: User) -> web.Response:
        interaction = self._issue(await request.json(), user)
        outcome = await asyncio.shield(interaction.outcome)
        return reply(self._outcome(interaction, outcome))

    def _issue(self, body: Payload, user: User) -> Interaction:
        if body["act"] == "submit":
            return self.acts.submit(user, body["interaction_id"], body["values"])
        channel = self.acts.visible_channel(user, body["channel_id"])
        match body["act"]:
            case "slash":
                path, options = body.get("path") or [], body.get("options") or {}
                return self.acts.slash(user, channel, body["name"], path, options)
            case "autocomplete":
                path, options = body.get("path") or [], body.get("options") or {}
                return self.acts.autocomplete(
                    user, channel, body["name"], path, options, body["focused"]
                )
            case "menu":
                return self.acts.menu(user, channel, body["name"], body["target_id"])
            case "press":
                message = self.acts.visible_message(user, channel, body["message_id"])
                return self.acts.press(user, message, body["custom_id"], body.get("values"))
            case other:
                raise RefusedError(f"{other!r} is nothing that one does here.")

    def _outcome(self, interaction: Interaction, outcome: Outcome) -> Payload:
        payload: Payload = {
            "interaction_id": interaction.id,
            "responded": outcome.responded,
            "callback": outcome.callback,
        }
        if outcome.message:
            payload["message"] = self.world.payload(outcome.message)
        if outcome.modal:
            payload["modal"] = outcome.modal
        if outcome.choices:
            payload["choices"] = outcome.choices
        if not outcome.responded:
            payload["error"] = f"{self.world.bot.name} did not respond"
        return payload

    # The event stream.

    def forward(self, event: Event) -> None:
        """Tell every open stream what its watcher may know."""
        if not event.is_for_people:
            return
        text = json.dumps({"name": event.name, "data": event.data})
        for listener in self._listeners:
            if self.world.may_see(listener.user.id, event.channel_id, event.owner_id):
                listener.outgoing.put_nowait(text)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=20, max_msg_size=1 << 16)
        await socket.prepare(request)
        listener = await self._admit(socket)
        if listener is None:
            return socket
        self._listeners.add(listener)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(listener.write())
                while (await socket.receive()).type is WSMsgType.TEXT:
                    pass
                listener.outgoing.put_nowait(None)
        finally:
            self._listeners.discard(listener)
        return socket

    async def _admit(self, socket: web.WebSocketResponse) -> _Listener | None:
        """Read the first frame, {token, person}; close with 4401 where it is not good."""
        try:
            first: Any = await socket.receive(timeout=_ADMISSION_SECONDS)
            frame = json.loads(first.data)
            if not self._is_valid(str(frame["token"])):
                raise RefusedError("This page belongs to another run.")  # noqa: TRY301
            listener = _Listener(self._person(frame["person"]), socket)
        except (RefusedError, KeyError, TypeError, ValueError, TimeoutError) as error:
            await socket.close(code=4401, message=str(error).encode()[:120])
            return None
        hello = {"name": "HELLO", "data": self._state_of(listener.user)}
        listener.outgoing.put_nowait(json.dumps(hello))
        return listener

    async def close(self) -> None:
        """Close every stream."""
        for listener in list(self._listeners):
            await listener.socket.close(code=1001, message=b"The channel closes.")
