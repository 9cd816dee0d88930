"""What commands and buttons can ask for: the services of a running bot, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from bot.dispatch.deliver import Deliverer
from bot.dispatch.dispatcher import Dispatcher
from bot.dispatch.drafts import Drafts
from bot.dispatch.housekeeping import Housekeeper
from bot.dispatch.line import Line
from bot.dispatch.progress import ProgressBoard
from bot.dispatch.promises import PromiseKeeper
from bot.dispatch.submit import Submitter
from bot.pictures.intake import Intake
from storage import Blobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """The services behind every command and button."""

    drafts: Drafts
    intake: Intake
    submitter: Submitter
    dispatcher: Dispatcher
    deliverer: Deliverer
    line: Line
    progress: ProgressBoard
    promises: PromiseKeeper
    housekeeper: Housekeeper
    blobs: Blobs
