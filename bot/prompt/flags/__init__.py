"""The parameters. One row of the table drives parsing, help, completion and canonical text.

To add a parameter: a row in `table`, a field in `bot.prompt.parameters`, its meaning in
`bot.recipe`; what people may type for it by mistake goes into `names`.
"""

from bot.prompt.flags.flag import Flag
from bot.prompt.flags.names import ELSEWHERE, MISTAKEN_FOR, flag_table, likely_name, plain_name
from bot.prompt.flags.table import FLAGS, SAMPLERS

__all__ = [
    "ELSEWHERE",
    "FLAGS",
    "MISTAKEN_FOR",
    "SAMPLERS",
    "Flag",
    "flag_table",
    "likely_name",
    "plain_name",
]
