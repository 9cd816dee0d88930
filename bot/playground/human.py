"""A person at the channel, for tests and scripts: does what the page does, over the same API.

    async with playground.human("Ada") as ada:
        reply = await ada.slash("imagine", prompt="a red apple")
        grid = await ada.wait_for(lambda message: message.id == reply.message.id and message.files)
        await ada.press(grid, "U1")

Nothing here polls: every message arrives over the event stream.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from bot.playground.errors import DidNotRespondError, RefusedError
from bot.playground.sight import (
    Answer,
    Attachment,
    Choice,
    Message,
    Modal,
    read_message,
    read_modal,
)
from bot.playground.wire import Payload

_PATIENCE_SECONDS = 30.0


class Human:
    """One person, connected while the context is open."""

    def __init__(
        self,
        base_url: str,
        token: str,
        name: str = "Ada",
        *,
        channel: str = "imagine",
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self.channel = channel
        """Where this person types unless told otherwise: a channel's name, or "dm"."""
        self.events: list[tuple[str, Payload]] = []
        """Everything that came over the event stream, oldest first."""
        self.versions: dict[str, list[Message]] = {}
        """Every state in which each message was seen, oldest first."""
        self._base_url = URL(base_url)
        self._token = token
        self._ssl_context = ssl_context
        self._state: Payload = {}
        self._names: dict[str, str] = {}
        self._waiters: list[_Waiter] = []
        self._exits = AsyncExitStack()
        self._http: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            connector = aiohttp.TCPConnector(ssl=self._ssl_context or True)
            headers = {"Authorization": f"Bearer {self._token}", "X-Person": self.name}
            self._http = await exits.enter_async_context(
                aiohttp.ClientSession(connector=connector, headers=headers)
            )
            socket = await exits.enter_async_context(
                self._http.ws_connect(self._url("events"), max_msg_size=0)
            )
            await self._introduce(socket)
            tasks = await exits.enter_async_context(asyncio.TaskGroup())
            listening = tasks.create_task(self._listen(socket))
            exits.callback(listening.cancel)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exits.aclose()

    # Acting.

    async def slash(
        self, name: str, *path: str, channel: str | None = None, **options: Any
    ) -> Answer:
        """Send `/name path...` with options; a file option takes (filename, bytes).

        Returns once the bot acknowledged. Raises RefusedError, DidNotRespondError.
        """
        body = {"act": "slash", "name": name, "path": path, "options": await self._sent(options)}
        return await self._act(body, channel)

    async def menu(self, name: str, target: Message | str) -> Answer:
        """Use a context-menu command on a message, or on a person by name."""
        if isinstance(target, Message):
            body = {"act": "menu", "name": name, "target_id": target.id}
            return await self._act(body, target.channel_id)
        ids = {person: user_id for user_id, person in self._names.items()}
        return await self._act({"act": "menu", "name": name, "target_id": ids[target]}, None)

    async def press(self, message: Message, wanted: str) -> Answer:
        """Press a button by its custom id, else by its label or emoji."""
        body = {"act": "press", "message_id": message.id, "custom_id": wanted}
        return await self._act(body, message.channel_id)

    async def select(self, message: Message, wanted: str, *values: str) -> Answer:
        """Choose values (or labels) in a select by its custom id or placeholder."""
        body = {"act": "press", "message_id": message.id, "custom_id": wanted, "values": values}
        return await self._act(body, message.channel_id)

    async def submit_modal(self, modal: Modal, values: dict[str, Any] | None = None) -> Answer:
        """Submit a form: values by custom id or label; what is not named keeps its preset.

        A text is a str, a choice a value or a list of values, a file a list of (filename, bytes).
        """
        body = {
            "act": "submit",
            "interaction_id": modal.interaction_id,
            "values": await self._sent(values or {}),
        }
        return await self._act(body, None)

    async def autocomplete(
        self, name: str, *path: str, focused: str, channel: str | None = None, **options: Any
    ) -> list[Choice]:
        """Return what the bot suggests for the focused option."""
        body = {"act": "autocomplete", "name": name, "path": path, "options": options}
        body |= {"focused": focused, "channel_id": await self._channel_id(channel)}
        outcome = await self._post("interactions", body)
        if not outcome["responded"]:
            raise DidNotRespondError(outcome["error"])
        return [Choice(name=row["name"], value=row["value"]) for row in outcome.get("choices", [])]

    async def say(
        self,
        content: str = "",
        *,
        files: Iterable[tuple[str, bytes]] = (),
        reply_to: Message | None = None,
        channel: str | None = None,
    ) -> Message:
        """Send a plain message."""
        ids = [await self.upload(filename, data) for filename, data in files]
        body = {"content": content, "attachments": ids}
        if reply_to:
            body["reply_to"] = reply_to.id
        channel_id = await self._channel_id(channel)
        return read_message(await self._post(f"channels/{channel_id}/messages", body))

    async def upload(self, filename: str, data: bytes) -> str:
        """Upload a file for an option or a message; return its id."""
        url = self._url("uploads").with_query(filename=filename)
        payload = await self._request("POST", url, data=data)
        return str(payload["id"])

    async def delete(self, message: Message) -> None:
        """Delete a message, or dismiss an ephemeral one."""
        path = f"channels/{message.channel_id}/messages/{message.id}"
        await self._request("DELETE", self._url(path))

    async def download(self, file: Attachment) -> bytes:
        """Fetch an attachment's bytes."""
        # In TLS mode the address names Discord's CDN; the bytes lie at the playground all the same.
        url = self._base_url.join(URL(file.url).relative())
        async with self._http.get(url) as response:
            response.raise_for_status()
            return await response.read()

    # Seeing.

    @property
    def is_bot_online(self) -> bool:
        """Return whether the bot is connected to the gateway."""
        return bool(self._state["online"])

    async def messages(self, channel: str | None = None) -> list[Message]:
        """Return what a channel shows now, oldest first."""
        path = f"channels/{await self._channel_id(channel)}/messages"
        found = [read_message(row) for row in await self._request("GET", self._url(path))]
        for message in found:
            self.versions.setdefault(message.id, [message])
        return found

    async def commands(self, channel: str | None = None) -> list[Payload]:
        """Return the commands that the picker offers."""
        path = f"channels/{await self._channel_id(channel)}/commands"
        rows: list[Payload] = await self._request("GET", self._url(path))
        return rows

    async def wait_for(
        self, predicate: Callable[[Message], Any], *, timeout_seconds: float = _PATIENCE_SECONDS
    ) -> Message:
        """Return the first message, as last seen or as it next appears, that fits.

        Raises TimeoutError.
        """
        for versions in self.versions.values():
            if versions and predicate(versions[-1]):
                return versions[-1]

        def match(name: str, data: Payload) -> Message | None:
            if name not in {"MESSAGE_CREATE", "MESSAGE_UPDATE"}:
                return None
            message = read_message(data)
            return message if predicate(message) else None

        found: Message = await self._wait(match, timeout_seconds)
        return found

    async def wait_deleted(
        self, message: Message, *, timeout_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        """Wait until a message is gone."""
        if message.id not in self.versions:
            return
        await self.wait_for_event(
            "MESSAGE_DELETE",
            lambda data: data["id"] == message.id,
            timeout_seconds=timeout_seconds,
        )

    async def wait_until_online(self, *, timeout_seconds: float = _PATIENCE_SECONDS) -> None:
        """Wait until the bot is connected and its commands are offered."""
        if not self.is_bot_online:
            await self.wait_for_event(
                "BOT_STATUS", lambda data: data["online"], timeout_seconds=timeout_seconds
            )
        if not await self.commands():
            await self.wait_for_event("COMMANDS", timeout_seconds=timeout_seconds)

    async def wait_for_event(
        self,
        name: str,
        predicate: Callable[[Payload], Any] = lambda _data: True,
        *,
        timeout_seconds: float = _PATIENCE_SECONDS,
    ) -> Payload:
        """Return the data of the next event of this name that fits. Raises TimeoutError."""

        def match(event: str, data: Payload) -> Payload | None:
            return data if event == name and predicate(data) else None

        data: Payload = await self._wait(match, timeout_seconds)
        return data

    # Within.

    async def _wait(self, match: Callable[[str, Payload], Any], timeout_seconds: float) -> Any:
        waiter = _Waiter(match, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await waiter.found
        finally:
            self._waiters.remove(waiter)

    async def _introduce(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Show the token and take the greeting. Raises RefusedError."""
        await socket.send_json({"token": self._token, "person": self.name})
        frame = await socket.receive()
        if frame.type is not aiohttp.WSMsgType.TEXT:
            raise RefusedError(f"The channel turned {self.name} away: {frame.extra}")
        event = frame.json()
        self._hear(event["name"], event["data"])

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            event = frame.json()
            self._hear(event["name"], event["data"])

    def _hear(self, name: str, data: Payload) -> None:
        match name:
            case "HELLO":
                self._greet(data)
            case "BOT_STATUS":
                self._state |= data
            case "CHANNEL_CREATE":
                self._state["channels"].append(data)
            case "MESSAGE_CREATE" | "MESSAGE_UPDATE":
                self.versions.setdefault(data["id"], []).append(read_message(data))
            case "MESSAGE_DELETE":
                self.versions.pop(data["id"], None)
            case _:
                pass
        self.events.append((name, data))
        for waiter in self._waiters:
            waiter.offer(name, data)

    def _greet(self, state: Payload) -> None:
        self._state = state
        users = [*state["people"], state["bot"]]
        self._names = {user["id"]: user["global_name"] or user["username"] for user in users}

    async def _act(self, body: Payload, channel: str | None) -> Answer:
        if body["act"] != "submit":
            body["channel_id"] = await self._channel_id(channel)
        outcome = await self._post("interactions", body)
        if not outcome["responded"]:
            raise DidNotRespondError(outcome["error"])
        message, modal = outcome.get("message"), outcome.get("modal")
        return Answer(
            message_seen=read_message(message) if message else None,
            modal_opened=read_modal(outcome["interaction_id"], modal) if modal else None,
        )

    async def _sent(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values with every (filename, bytes) uploaded and replaced by its id."""
        return {name: await self._sent_value(value) for name, value in values.items()}

    async def _sent_value(self, value: Any) -> Any:
        match value:
            case (str() as filename, bytes() as data):
                return await self.upload(filename, data)
            case list():
                return [await self._sent_value(item) for item in value]
            case _:
                return value

    async def _channel_id(self, channel: str | None) -> str:
        """Return the id of a channel named by name, id or "dm"."""
        wanted = channel or self.channel
        if wanted == "dm":
            return str((await self._post("dms", {}))["id"])
        for one in self._state["channels"]:
            if wanted == one["id"] or (wanted == one.get("name") and one["type"] == 0):
                return str(one["id"])
        raise RefusedError(f"{self.name} sees no channel {wanted!r}.")

    def _url(self, path: str) -> URL:
        return self._base_url / "playground" / path

    async def _post(self, path: str, body: Payload) -> Payload:
        payload: Payload = await self._request("POST", self._url(path), json=body)
        return payload

    async def _request(self, method: str, url: URL, **arguments: Any) -> Any:
        async with self._http.request(method, url, **arguments) as response:
            if response.status == 204:
                return None
            payload = await response.json()
            if response.status >= 400:
                raise RefusedError(payload["error"])
            return payload


@dataclass(slots=True, eq=False)
class _Waiter:
    match: Callable[[str, Payload], Any]
    found: asyncio.Future[Any]

    def offer(self, name: str, data: Payload) -> None:
        if not self.found.done() and (result := self.match(name, data)):
            self.found.set_result(result)
