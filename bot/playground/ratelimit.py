"""Rate limits as Discord announces them: a bucket for each route and one for the whole bot.

The sizes are what clients observe, since Discord documents none. Counted in real time, because a
client sleeps them off in real time.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from dataclasses import dataclass, field

_DEFAULT = (20, 1.0)
_SIZES = {
    ("POST", "/channels/{channel_id}/messages"): (5, 5.0),
    ("PATCH", "/channels/{channel_id}/messages/{message_id}"): (5, 5.0),
    ("POST", "/webhooks/{application_id}/{token}"): (5, 5.0),
    ("PATCH", "/webhooks/{application_id}/{token}/messages/{message_id}"): (5, 5.0),
}
"""(method, route) to (requests, seconds)."""
_MAJOR = ("channel_id", "guild_id", "application_id", "token")
_GLOBAL_REQUESTS = 50
_KEPT_BUCKETS = 500


@dataclass(slots=True)
class Bucket:
    """A fixed window that starts with its first request."""

    name: str
    limit: int
    period_seconds: float
    remaining: int = 0
    resets_at: float = 0.0

    def take(self, now: float) -> bool:
        """Count a request; return whether it fits."""
        if now >= self.resets_at:
            self.remaining, self.resets_at = self.limit, now + self.period_seconds
        self.remaining -= 1
        return self.remaining >= 0

    def headers(self, now: float) -> dict[str, str]:
        """Return what every reply tells about the bucket."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(self.remaining, 0)),
            "X-RateLimit-Reset": f"{time.time() + self.resets_at - now:.3f}",
            "X-RateLimit-Reset-After": f"{self.resets_at - now:.3f}",
            "X-RateLimit-Bucket": self.name,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a request may pass, and the headers that go with the answer."""

    headers: dict[str, str]
    retry_after_seconds: float | None = None
    is_global: bool = False


@dataclass(slots=True)
class RateLimiter:
    """All buckets of the bot."""

    is_enabled: bool = True
    _buckets: dict[tuple[str, ...], Bucket] = field(default_factory=dict)
    _recent: deque[float] = field(default_factory=deque)

    def take(
        self, method: str, route: str, parameters: dict[str, str], *, counts_globally: bool
    ) -> Verdict:
        """Count a request against its bucket and, unless exempt, against the whole bot."""
        if not self.is_enabled:
            return Verdict(headers={})
        now = time.monotonic()
        if counts_globally and (wait := self._global_wait(now)):
            headers = {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}
            return _refusal(headers, wait, is_global=True)
        bucket = self._bucket(method, route, parameters)
        if bucket.take(now):
            return Verdict(headers=bucket.headers(now))
        headers = bucket.headers(now) | {"X-RateLimit-Scope": "user"}
        return _refusal(headers, bucket.resets_at - now, is_global=False)

    def _bucket(self, method: str, route: str, parameters: dict[str, str]) -> Bucket:
        major = [parameters.get(name, "") for name in _MAJOR]
        key = (method, route, *major)
        if key not in self._buckets:
            self._forget_expired()
            digest = hashlib.md5(f"{method} {route}".encode(), usedforsecurity=False)
            self._buckets[key] = Bucket(digest.hexdigest(), *_SIZES.get((method, route), _DEFAULT))
        return self._buckets[key]

    def _forget_expired(self) -> None:
        # Every interaction's token has buckets of its own.
        if len(self._buckets) > _KEPT_BUCKETS:
            now = time.monotonic()
            live = {key: one for key, one in self._buckets.items() if one.resets_at > now}
            self._buckets = live

    def _global_wait(self, now: float) -> float:
        while self._recent and now - self._recent[0] > 1.0:
            self._recent.popleft()
        if len(self._recent) >= _GLOBAL_REQUESTS:
            return 1.0 - (now - self._recent[0])
        self._recent.append(now)
        return 0.0


def _refusal(headers: dict[str, str], wait: float, *, is_global: bool) -> Verdict:
    # discord.py takes a 429 without Via for a ban by the CDN and gives up.
    extra = {"Retry-After": str(int(wait) + 1), "Via": "1.1 playground"}
    wait = max(round(wait, 3), 0.001)
    return Verdict(headers=headers | extra, retry_after_seconds=wait, is_global=is_global)
