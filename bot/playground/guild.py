"""Who is there: the people, the bot, one guild with its roles, and the channels."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

from bot.playground.wire import Payload

JOINED_AT = "2026-01-01T12:00:00+00:00"
GUILD_ID = "1100000000000000001"
"""Also the id of the role that everyone has."""
ADMIN_ROLE_ID = "1100000000000000002"
APPLICATION_ID = "1100000000000000010"
"""Also the id of the bot's user, as it is for today's applications."""


class Permission(IntFlag):
    """The permissions that the channel knows about, with Discord's bits."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    USE_EXTERNAL_EMOJIS = 1 << 18
    USE_APPLICATION_COMMANDS = 1 << 31
    MODERATE_MEMBERS = 1 << 40


MEMBER_PERMISSIONS = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.ADD_REACTIONS
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.USE_APPLICATION_COMMANDS
)
ALL_PERMISSIONS = Permission((1 << 41) - 1)
BOT_PERMISSIONS = MEMBER_PERMISSIONS
"""What the bot was invited with; `World.deny` takes some of it away in a channel."""


@dataclass(slots=True, kw_only=True)
class User:
    """A person, or the bot."""

    id: str
    name: str
    is_bot: bool = False
    is_admin: bool = False
    takes_dms: bool = True

    @property
    def permissions(self) -> Permission:
        """Return what the user may do in the guild."""
        return ALL_PERMISSIONS if self.is_admin else MEMBER_PERMISSIONS

    def payload(self) -> Payload:
        """Return the user as Discord describes one."""
        payload: Payload = {
            "id": self.id,
            "username": self.name if self.is_bot else self.name.lower(),
            "global_name": None if self.is_bot else self.name,
            "discriminator": "0",
            "avatar": None,
            "public_flags": 0,
            "flags": 0,
            "primary_guild": None,
        }
        return payload | {"bot": True} if self.is_bot else payload

    def member(self) -> Payload:
        """Return the user as a member of the guild."""
        return {
            "user": self.payload(),
            "nick": None,
            "avatar": None,
            "banner": None,
            "roles": [ADMIN_ROLE_ID] if self.is_admin else [],
            "joined_at": JOINED_AT,
            "premium_since": None,
            "communication_disabled_until": None,
            "pending": False,
            "flags": 0,
            "mute": False,
            "deaf": False,
        }


@dataclass(slots=True, kw_only=True)
class Channel:
    """A text channel of the guild, or the direct messages of one person with the bot."""

    id: str
    name: str
    topic: str | None = None
    is_age_restricted: bool = False
    recipient: User | None = None
    position: int = 0
    last_message_id: str | None = None

    @property
    def is_dm(self) -> bool:
        """Return whether this is a direct conversation."""
        return self.recipient is not None

    def payload(self) -> Payload:
        """Return the channel as Discord describes one."""
        shared: Payload = {"id": self.id, "last_message_id": self.last_message_id, "flags": 0}
        if self.recipient:
            return shared | {"type": 1, "recipients": [self.recipient.payload()]}
        return shared | {
            "type": 0,
            "guild_id": GUILD_ID,
            "name": self.name,
            "topic": self.topic,
            "position": self.position,
            "nsfw": self.is_age_restricted,
            "rate_limit_per_user": 0,
            "parent_id": None,
            "permission_overwrites": [],
        }


def default_users() -> list[User]:
    """Return the bot, two members and an administrator."""
    return [
        User(id=APPLICATION_ID, name="Easel", is_bot=True),
        User(id="1100000000000000021", name="Ada"),
        User(id="1100000000000000022", name="Ben"),
        User(id="1100000000000000023", name="Grace", is_admin=True),
    ]


def default_channels() -> list[Channel]:
    """Return the guild's channels."""
    return [
        Channel(id="1100000000000000031", name="imagine", topic="Type / to begin", position=0),
        Channel(id="1100000000000000032", name="gallery", topic="Show what you made", position=1),
        Channel(
            id="1100000000000000033",
            name="after-dark",
            topic="Age-restricted",
            is_age_restricted=True,
            position=2,
        ),
    ]


def _role(role_id: str, name: str, position: int, permissions: Permission) -> Payload:
    return {
        "id": role_id,
        "name": name,
        "permissions": str(int(permissions)),
        "position": position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def roles() -> list[Payload]:
    """Return the guild's roles."""
    return [
        _role(GUILD_ID, "@everyone", 0, MEMBER_PERMISSIONS),
        _role(ADMIN_ROLE_ID, "Administrators", 1, ALL_PERMISSIONS),
    ]


def guild_payload(owner: User) -> Payload:
    """Return the guild as Discord describes one."""
    absent = (
        "icon description home_header splash discovery_splash banner application_id afk_channel_id "
        "system_channel_id widget_channel_id max_presences vanity_url_code rules_channel_id "
        "safety_alerts_channel_id public_updates_channel_id incidents_data"
    )
    payload: Payload = dict.fromkeys(absent.split())
    return payload | {
        "id": GUILD_ID,
        "name": "Easel local channel",
        "features": [],
        "owner_id": owner.id,
        "region": "deprecated",
        "afk_timeout": 300,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "verification_level": 0,
        "roles": roles(),
        "default_message_notifications": 1,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_members": 500000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": "en-US",
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
    }
