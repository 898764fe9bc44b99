"""The platform's timer expressions: seven fields, second first and year last, in UTC+8.

"sec min hour day month week year" with `,` `-` `*` `/`; week 0 is Sunday, names (MON, JAN) are allowed, years 1970 to
2099; when day and week are both set, either is enough
(cnblogs.com/AtlasLapetos/p/18647564, docs.cloudbase.net/cli-v1/functions/trigger). croniter knows more (L, #, ?,
@daily): that is refused here, because the platform would refuse it.
"""

from __future__ import annotations

import re

from croniter import croniter
from croniter.croniter import CroniterBadCronError

_FIELDS = ("second", "minute", "hour", "day", "month", "week", "year")
_ITEM = r"(\*|[0-9]+|[A-Za-z]{3})(-([0-9]+|[A-Za-z]{3}))?(/[0-9]+)?"
_FIELD = re.compile(rf"{_ITEM}(,{_ITEM})*")


def cron_problem(expression: str) -> str | None:
    """Why this is no expression of the platform, or None; the text shows nothing of it."""
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        return f"7 fields ({' '.join(_FIELDS)}) are wanted, not {len(fields)}"
    for name, field in zip(_FIELDS, fields, strict=True):
        if not _FIELD.fullmatch(field):
            return f"the {name} field is not of the platform's form"
    try:
        croniter(expression, second_at_beginning=True)
    except CroniterBadCronError:
        return "a field is out of its range"
    return None
