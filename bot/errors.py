"""What goes wrong on the way to a picture, and how the person who asked is told.

Errors::

    UserError               shown as written, privately; says what to do instead
      GoneError             the job or the picture behind a button is no longer there

`bot.prompt` has its own `PromptError`, which points at characters.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any

import aiohttp
import discord

from bot.prompt import PromptError
from storage import DatabaseLostError

logger = logging.getLogger(__name__)


ALREADY_ACKNOWLEDGED = 40060
"""Discord's code for a second first answer."""


class UserError(Exception):
    """A refusal that is shown to the user as it is written."""


class GoneError(UserError):
    """What a button points at is no longer there."""


async def answer_error(interaction: discord.Interaction[Any], error: Exception) -> None:
    """Tell the user, and nobody else, why their command or button did nothing."""
    text = _explain(error)
    try:
        if interaction.response.is_done() or not await _answer_first(interaction, text):
            # The thinking message would think for ever.
            await interaction.delete_original_response()
            await interaction.followup.send(text, ephemeral=True)
    except (discord.HTTPException, aiohttp.ClientError, OSError) as failure:
        logger.warning("could not answer interaction %d: %s", interaction.id, failure)


async def _answer_first(interaction: discord.Interaction[Any], text: str) -> bool:
    """Answer privately. False: an acknowledgement whose receipt was lost came before."""
    try:
        await interaction.response.send_message(text, ephemeral=True)
    except discord.HTTPException as failure:
        if failure.code != ALREADY_ACKNOWLEDGED:
            raise
        return False
    return True


def _explain(error: Exception) -> str:
    match error:
        case PromptError():
            # The sentence quotes what was typed; the code block is safe as it stands.
            return f"{error.excerpt()}\n{discord.utils.escape_markdown(str(error))}"
        case UserError():
            return str(error)
        case DatabaseLostError():
            logger.error("not answered: %s", error)
            return "My database does not answer at the moment. Try again in a minute."
        case _:
            # The user gets a code, the log gets the traceback under the same code.
            code = secrets.token_hex(4)
            logger.error("unexpected error code=%s", code, exc_info=error)
            return f"Something went wrong. The owner finds it in the log under {code}."
