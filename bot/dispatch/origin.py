"""Who wished for something, and where: plain values that outlive the interaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from storage import JobRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, and where: what a job's button is checked against."""

    user_id: int
    guild_id: int | None
    """None in a direct message."""
    channel_id: int

    def may_see(self, job: JobRecord) -> bool:
        """Whether the job is this person's, or was drawn for all to see in this place."""
        if job.user_id == self.user_id:
            return True
        if self.guild_id is None:
            return job.guild_id is None and job.channel_id == self.channel_id
        return job.guild_id == self.guild_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a wish came from, in plain values: an interaction dies, these do not."""

    interaction_id: int
    interaction_token: str = field(repr=False)
    interaction_expires_at: datetime
    asker: Asker
    user_name: str
    guild_name: str
    message_id: int
    """The message that will show the job."""
    file_limit_bytes: int
    """What Discord takes for one file in answer."""
