"""The gateway: HELLO, IDENTIFY, READY, heartbeats, RESUME with replay, and its ways to fail."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from bot.playground.guild import APPLICATION_ID, GUILD_ID, JOINED_AT, guild_payload
from bot.playground.session import Connection, Op, Session
from bot.playground.wire import Payload
from bot.playground.world import Event, World

HEARTBEAT_SECONDS = 41.25
SESSION_SECONDS = 120.0
"""How long a session may be resumed after its connection broke."""
MAX_PAYLOAD_BYTES = 4096
PRIVILEGED_INTENTS = 1 << 1 | 1 << 8 | 1 << 15
_MESSAGE_CONTENT = 1 << 15
_KNOWN_INTENTS = (1 << 26) - 1
_GUILD_INTENTS = {"MESSAGE": 1 << 9, "TYPING": 1 << 11}
_DM_INTENTS = {"MESSAGE": 1 << 12, "TYPING": 1 << 14}


class _Close(Exception):  # noqa: N818 - a way out of the reading loop
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(slots=True, kw_only=True)
class Gateway:
    """All connections and sessions of the bot."""

    world: World
    bot_token: str
    url: str = ""
    """Where it is reached, for a resume too."""
    allowed_privileged_intents: int = PRIVILEGED_INTENTS
    accepts: bool = True
    """Whether new connections are let in: shut the door to lengthen an outage."""
    identify_count: int = 0
    resume_count: int = 0
    sessions: dict[str, Session] = field(default_factory=dict)
    connections: set[Connection] = field(default_factory=set)

    @property
    def is_online(self) -> bool:
        """Return whether a bot is connected and identified."""
        return any(session.connection for session in self.sessions.values())

    def forward(self, event: Event) -> None:
        """Dispatch what happened to every session that asked for it."""
        if not event.is_for_bot:
            return
        self._forget_old_sessions()
        for session in self.sessions.values():
            if self._wants(session, event):
                session.dispatch(event.name, self._addressed(session, event))

    # Faults.

    def ask_to_reconnect(self) -> None:
        """Send op 7 to everyone."""
        for connection in list(self.connections):
            connection.send(Op.RECONNECT)

    def invalidate(self, *, resumable: bool) -> None:
        """Send op 9 to everyone; a session that is not resumable is forgotten."""
        for connection in list(self.connections):
            if not resumable and connection.session:
                self.sessions.pop(connection.session.id, None)
            connection.send(Op.INVALID_SESSION, resumable)

    async def close(self, code: int = WSCloseCode.GOING_AWAY) -> None:
        """Close every connection with a code."""
        for connection in list(self.connections):
            await connection.close(code)

    def abort(self) -> None:
        """Cut every connection without a word."""
        for connection in list(self.connections):
            connection.abort()

    # One connection.

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve a websocket from HELLO to its end."""
        if not self.accepts:
            return web.Response(status=503)
        socket = web.WebSocketResponse(max_msg_size=1 << 20)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self.connections.add(connection)
        connection.send(Op.HELLO, {"heartbeat_interval": int(HEARTBEAT_SECONDS * 1000)})
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(connection.write())
                await self._read(connection)
                connection.finish()
        finally:
            self._leave(connection)
        return socket

    async def _read(self, connection: Connection) -> None:
        try:
            while True:
                message = await connection.socket.receive(timeout=HEARTBEAT_SECONDS * 1.5)
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    return
                self._on_frame(connection, message)
        except TimeoutError:
            await connection.close(4009, "Session timed out.")
        except _Close as close:
            await connection.close(close.code, str(close))

    def _on_frame(self, connection: Connection, message: WSMessage) -> None:
        if len(message.data) > MAX_PAYLOAD_BYTES:
            raise _Close(4002, "Error while decoding payload.")
        try:
            frame = json.loads(message.data)
            op, data = Op(frame["op"]), frame.get("d")
        except (ValueError, KeyError, TypeError):
            raise _Close(4002, "Error while decoding payload.") from None
        self._on_op(connection, op, data)

    def _on_op(self, connection: Connection, op: Op, data: Any) -> None:
        match op:
            case Op.HEARTBEAT:
                connection.send(Op.HEARTBEAT_ACK)
            case Op.IDENTIFY:
                self._identify(connection, data)
            case Op.RESUME:
                self._resume(connection, data)
            case Op.PRESENCE | Op.VOICE_STATE | Op.REQUEST_MEMBERS if not connection.session:
                raise _Close(4003, "Not authenticated.")
            case Op.REQUEST_MEMBERS if connection.session:
                connection.session.dispatch("GUILD_MEMBERS_CHUNK", self._members(data))
            case Op.PRESENCE | Op.VOICE_STATE:
                pass
            case _:
                raise _Close(4001, "Unknown opcode.")

    def _authenticate(self, data: Payload) -> None:
        if str(data.get("token")).removeprefix("Bot ") != self.bot_token:
            raise _Close(4004, "Authentication failed.")

    def _identify(self, connection: Connection, data: Payload) -> None:
        if connection.session:
            raise _Close(4005, "Already authenticated.")
        self._authenticate(data)
        intents = data.get("intents", -1)
        if not 0 <= intents <= _KNOWN_INTENTS:
            raise _Close(4013, "Invalid intent(s).")
        if intents & PRIVILEGED_INTENTS & ~self.allowed_privileged_intents:
            raise _Close(4014, "Disallowed intent(s).")
        if (data.get("shard") or [0, 1]) != [0, 1]:
            raise _Close(4010, "Invalid shard: one is enough here.")
        session = Session(id=secrets.token_hex(16), intents=intents)
        self.sessions[session.id] = session
        self.identify_count += 1
        self._attach(connection, session)
        session.dispatch("READY", self._ready(session))
        session.dispatch("GUILD_CREATE", self._guild())
        self._announce_status()

    def _resume(self, connection: Connection, data: Payload) -> None:
        self._forget_old_sessions()
        self._authenticate(data)
        session = self.sessions.get(str(data.get("session_id")))
        sequence = data.get("seq") or 0
        if session and sequence > session.sequence:
            raise _Close(4007, "Invalid seq.")
        missed = session.missed(sequence) if session else None
        if session is None or missed is None:
            connection.send(Op.INVALID_SESSION, data=False)
            return
        self._attach(connection, session)
        self.resume_count += 1
        for text in missed:
            connection.send_text(text)
        session.dispatch("RESUMED", {})
        self._announce_status()

    def _attach(self, connection: Connection, session: Session) -> None:
        if session.connection:
            session.connection.session = None
            session.connection.abort()
        connection.session, session.connection = session, connection
        session.left_at = None

    def _leave(self, connection: Connection) -> None:
        """Keep the session for a resume, unless the client said goodbye."""
        self.connections.discard(connection)
        session = connection.session
        if session is None:
            return
        session.connection, session.left_at = None, self.world.clock.now()
        if connection.socket.close_code in (1000, 1001) and not connection.is_closed_here:
            self.sessions.pop(session.id, None)
        self._announce_status()

    def _forget_old_sessions(self) -> None:
        now = self.world.clock.now()
        for session in list(self.sessions.values()):
            if session.left_at is not None and now - session.left_at > SESSION_SECONDS:
                del self.sessions[session.id]

    def _announce_status(self) -> None:
        data = {"online": self.is_online}
        self.world.announce(Event(name="BOT_STATUS", data=data, is_for_bot=False))

    # What a session hears.

    def _ready(self, session: Session) -> Payload:
        return {
            "v": 10,
            "user": self.world.bot.payload() | {"verified": True, "mfa_enabled": False},
            "guilds": [{"id": GUILD_ID, "unavailable": True}],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "session_type": "normal",
            "shard": [0, 1],
            "application": {"id": APPLICATION_ID, "flags": 1 << 23},
            "private_channels": [],
            "relationships": [],
            "user_settings": {},
        }

    def _guild(self) -> Payload:
        channels = [one.payload() for one in self.world.channels.values() if not one.is_dm]
        return guild_payload(self.world.owner) | {
            "joined_at": JOINED_AT,
            "large": False,
            "unavailable": False,
            "member_count": len(self.world.users),
            "members": [user.member() for user in self.world.users.values()],
            "channels": channels,
            "threads": [],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def _members(self, data: Payload) -> Payload:
        wanted = data.get("user_ids") or list(self.world.users)
        ids = {str(user_id) for user_id in ([wanted] if isinstance(wanted, str) else wanted)}
        prefix = (data.get("query") or "").lower()
        users = [user for user in self.world.users.values() if user.id in ids]
        return {
            "guild_id": GUILD_ID,
            "members": [user.member() for user in users if user.name.lower().startswith(prefix)],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": sorted(ids - self.world.users.keys()),
            "nonce": data.get("nonce"),
        }

    def _wants(self, session: Session, event: Event) -> bool:
        if event.name == "INTERACTION_CREATE":
            return True
        channel = self.world.channels.get(event.channel_id or "")
        intents = _DM_INTENTS if channel is None or channel.is_dm else _GUILD_INTENTS
        return bool(session.intents & intents[event.name.split("_")[0]])

    def _addressed(self, session: Session, event: Event) -> Payload:
        """Return the event's data as the gateway words it for a session."""
        channel = self.world.channels.get(event.channel_id or "")
        if channel is None or channel.is_dm or event.name == "INTERACTION_CREATE":
            return event.data
        data = event.data | {"guild_id": GUILD_ID}
        if "author" not in data:
            return data
        author = self.world.users[data["author"]["id"]]
        if "webhook_id" not in data:
            data["member"] = {key: val for key, val in author.member().items() if key != "user"}
        mentions_bot = any(user["id"] == APPLICATION_ID for user in data["mentions"])
        if author.is_bot or mentions_bot or session.intents & _MESSAGE_CONTENT:
            return data
        return data | {"content": "", "embeds": [], "attachments": [], "components": []}
