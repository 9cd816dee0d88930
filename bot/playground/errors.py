"""The ways in which the channel says no.

ApiError                what the bot gets: an HTTP status and Discord's own error code
HumanError              what a person gets: a sentence
├── RefusedError        Discord's own app would not let them; the bot never hears of it
└── DidNotRespondError  the bot missed the three seconds
"""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A refusal with the status, the code and the sentence that Discord documents."""

    def __init__(
        self, status: int, code: int, message: str, errors: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def payload(self) -> dict[str, Any]:
        """Return the body of the reply."""
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors:
            body["errors"] = self.errors
        return body


class HumanError(Exception):
    """What a person wanted did not happen."""


class RefusedError(HumanError):
    """A person asked for something that Discord's own app would not let them do."""


class DidNotRespondError(HumanError):
    """The bot missed the three seconds."""


def unauthorized() -> ApiError:
    """Return the answer to no bot token, or a wrong one."""
    return ApiError(401, 0, "401: Unauthorized")


def not_found() -> ApiError:
    """Return the answer where there is no route."""
    return ApiError(404, 0, "404: Not Found")


_UNKNOWN = {
    "channel": 10003,
    "guild": 10004,
    "member": 10007,
    "message": 10008,
    "role": 10011,
    "user": 10013,
    "webhook": 10015,
    "interaction": 10062,
    "application command": 10063,
}


def unknown(what: str) -> ApiError:
    """Return the answer where nothing of a kind has that id."""
    return ApiError(404, _UNKNOWN[what], f"Unknown {what.title()}")


def missing_access() -> ApiError:
    """Return the answer about a channel that the bot cannot see."""
    return ApiError(403, 50001, "Missing Access")


def missing_permissions() -> ApiError:
    """Return the answer where the bot sees a channel and may not do this there."""
    return ApiError(403, 50013, "Missing Permissions")


def foreign_message() -> ApiError:
    """Return the answer to an edit of what others wrote."""
    return ApiError(403, 50005, "Cannot edit a message authored by another user")


def closed_dms() -> ApiError:
    """Return the answer about a person who takes no direct messages."""
    return ApiError(403, 50007, "Cannot send messages to this user")


def empty_message() -> ApiError:
    """Return the answer to neither text, nor embed, nor file, nor component."""
    return ApiError(400, 50006, "Cannot send an empty message")


def too_large() -> ApiError:
    """Return the answer to a file, or a whole request, over the limit."""
    return ApiError(413, 40005, "Request entity too large")


def already_acknowledged() -> ApiError:
    """Return the answer to a second answer."""
    return ApiError(400, 40060, "Interaction has already been acknowledged.")


def invalid_webhook_token() -> ApiError:
    """Return the answer to a token older than 15 minutes."""
    return ApiError(401, 50027, "Invalid Webhook Token")


def bad_json() -> ApiError:
    """Return the answer to a body that is no JSON."""
    return ApiError(400, 50109, "The request body contains invalid JSON.")


def invalid_form(*problems: tuple[str, str, str]) -> ApiError:
    """Return 50035 with its tree: each problem is (dotted path, code, sentence)."""
    tree: dict[str, Any] = {}
    for path, code, message in problems:
        node = tree
        for key in path.split("."):
            node = node.setdefault(key, {})
        node.setdefault("_errors", []).append({"code": code, "message": message})
    return ApiError(400, 50035, "Invalid Form Body", tree)
