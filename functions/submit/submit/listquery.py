"""The query of GET /v1/tasks: text in, a Filter out, or a Problem that names the parameter. Pure."""

from __future__ import annotations

import base64
from datetime import datetime, timezone

import falcon

from patchmill import keys
from patchmill.adapters.taskqueries import Filter
from patchmill.task import Reason, Status
from submit.problems import field_problem

MAX_TEXT = 200
_FIRST = datetime(1970, 1, 1, tzinfo=timezone.utc)


def read(request: falcon.Request) -> Filter:
    status, reason = request.get_param("status"), request.get_param("reason")
    if status and status not in Status.__members__:
        raise field_problem("status", f"must be one of {', '.join(Status.__members__)}")
    if reason and reason not in Reason.__members__:
        raise field_problem("reason", f"must be one of {', '.join(Reason.__members__)}")
    return Filter(
        status=Status(status) if status else None,
        agent=_text(request, "agent", 32),
        reason=Reason(reason) if reason else None,
        text=_text(request, "q", MAX_TEXT),
        since=_moment(request.get_param("since")),
        before=_cursor(request.get_param("cursor")),
    )


def cursor_of(task_id: str) -> str:
    return base64.urlsafe_b64encode(task_id.encode()).decode()


def _text(request: falcon.Request, name: str, most: int) -> str | None:
    text = request.get_param(name)
    if not text:
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        raise field_problem(name, "is not valid Unicode") from None
    if len(text) > most or "\x00" in text:
        raise field_problem(name, f"must be at most {most} characters, without NUL")
    return text


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 knows no "Z"
        if moment.tzinfo is not None and moment >= _FIRST:
            return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        pass
    raise field_problem("since", "must be a time with its zone, such as 2026-11-24T12:00:00Z")


def _cursor(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        cursor = base64.urlsafe_b64decode(text.encode()).decode()
    except (ValueError, UnicodeEncodeError):
        cursor = ""
    if not keys.is_id(cursor):
        raise field_problem("cursor", "is not one that this list gave")
    return cursor
