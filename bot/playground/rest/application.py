"""Routes about the bot itself: who it is, its commands, its guild and its members."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.playground.commands import CommandBook, scope
from bot.playground.errors import invalid_form, unknown
from bot.playground.guild import (
    APPLICATION_ID,
    BOT_PERMISSIONS,
    User,
    guild_payload,
    roles,
)
from bot.playground.rest.api import Call, Route
from bot.playground.wire import Payload, reply
from bot.playground.world import Event, World


@dataclass(slots=True, kw_only=True)
class ApplicationRoutes:
    """The application, its user, its guild and its commands."""

    world: World
    commands: CommandBook
    gateway_url: Callable[[], str]

    def routes(self) -> list[Route]:
        """Return the routes, literal paths before patterns."""
        routes = [
            Route("GET", "/gateway", self._gateway),
            Route("GET", "/gateway/bot", self._gateway_bot),
            Route("GET", "/users/@me", self._me),
            Route("GET", "/users/@me/guilds", self._my_guilds),
            Route("GET", "/users/{user_id}", self._user),
            Route("GET", "/applications/@me", self._application),
            Route("GET", "/oauth2/applications/@me", self._application),
            Route("GET", "/guilds/{guild_id}", self._guild),
            Route("GET", "/guilds/{guild_id}/channels", self._guild_channels),
            Route("GET", "/guilds/{guild_id}/roles", self._guild_roles),
            Route("GET", "/guilds/{guild_id}/members/{user_id}", self._member),
        ]
        for base in (
            "/applications/{application_id}/commands",
            "/applications/{application_id}/guilds/{guild_id}/commands",
        ):
            routes += [
                Route("GET", base, self._list_commands),
                Route("PUT", base, self._overwrite_commands),
                Route("POST", base, self._upsert_command),
                Route("GET", f"{base}/{{command_id}}", self._get_command),
                Route("PATCH", f"{base}/{{command_id}}", self._change_command),
                Route("DELETE", f"{base}/{{command_id}}", self._delete_command),
            ]
        return routes

    def _gateway(self, _call: Call) -> web.Response:
        return reply({"url": self.gateway_url()})

    def _gateway_bot(self, _call: Call) -> web.Response:
        limit = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        return reply({"url": self.gateway_url(), "shards": 1, "session_start_limit": limit})

    def _me(self, _call: Call) -> web.Response:
        private = {"mfa_enabled": False, "locale": "en-US", "verified": True, "email": None}
        return reply(self.world.bot.payload() | private)

    def _my_guilds(self, _call: Call) -> web.Response:
        guild = guild_payload(self.world.owner)
        mine = {key: guild[key] for key in ("id", "name", "icon", "banner", "features")}
        return reply([mine | {"owner": False, "permissions": str(int(BOT_PERMISSIONS))}])

    def _find_user(self, call: Call, what: str) -> User:
        user = self.world.users.get(call["user_id"])
        if user is None:
            raise unknown(what)
        return user

    def _user(self, call: Call) -> web.Response:
        return reply(self._find_user(call, "user").payload())

    def _application(self, _call: Call) -> web.Response:
        absent = "icon type interactions_endpoint_url role_connections_verification_url team"
        payload: Payload = dict.fromkeys(absent.split())
        return reply(
            payload
            | {
                "id": APPLICATION_ID,
                "name": self.world.bot.name,
                "description": "",
                "bot": self.world.bot.payload(),
                "owner": self.world.owner.payload(),
                "bot_public": False,
                "bot_require_code_grant": False,
                "verify_key": "0" * 64,
                "flags": 1 << 23,
                "flags_new": str(1 << 23),
                "redirect_uris": [],
                "approximate_guild_count": 1,
                "approximate_user_install_count": 0,
                "approximate_user_authorization_count": 0,
                "explicit_content_filter": 0,
                "eligible_oauth2_scopes": ["bot", "applications.commands"],
            }
        )

    # The guild.

    def _guild(self, call: Call) -> web.Response:
        scope(call["guild_id"])
        return reply(guild_payload(self.world.owner))

    def _guild_channels(self, call: Call) -> web.Response:
        scope(call["guild_id"])
        channels = [one for one in self.world.channels.values() if not one.is_dm]
        return reply([channel.payload() for channel in channels])

    def _guild_roles(self, call: Call) -> web.Response:
        scope(call["guild_id"])
        return reply(roles())

    def _member(self, call: Call) -> web.Response:
        scope(call["guild_id"])
        return reply(self._find_user(call, "member").member())

    # Commands.

    def _scope(self, call: Call) -> str | None:
        if call["application_id"] != APPLICATION_ID:
            raise unknown("application command")
        return scope(call.parameters.get("guild_id"))

    def _changed(self) -> None:
        self.world.announce(Event(name="COMMANDS", data={}, is_for_bot=False))

    def _list_commands(self, call: Call) -> web.Response:
        return reply(self.commands.registered(self._scope(call)))

    def _overwrite_commands(self, call: Call) -> web.Response:
        commands: Any = call.body.payload
        if not isinstance(commands, list):
            raise invalid_form(("_", "LIST_TYPE_CONVERT", "Only iterables may be used"))
        stored = self.commands.overwrite(commands, self._scope(call))
        self._changed()
        return reply(stored)

    def _upsert_command(self, call: Call) -> web.Response:
        stored, is_new = self.commands.upsert(call.body.fields, self._scope(call))
        self._changed()
        return reply(stored, status=201 if is_new else 200)

    def _get_command(self, call: Call) -> web.Response:
        return reply(self.commands.get(call["command_id"], self._scope(call)))

    def _change_command(self, call: Call) -> web.Response:
        stored = self.commands.change(call["command_id"], call.body.fields, self._scope(call))
        self._changed()
        return reply(stored)

    def _delete_command(self, call: Call) -> web.Response:
        self.commands.delete(call["command_id"], self._scope(call))
        self._changed()
        return reply()
