"""Long lists in pages: `limit` and `continue` of a request in, one page and the token for the next one out.

The real API reads all pages from one snapshot. Here each page is read from the present state, but carries the first
page's resourceVersion: a watch that starts there tells of everything that changed in between.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from emulator.kube.errors import BadRequest
from emulator.kube.objects import Obj
from emulator.kube.requests import number
from emulator.kube.store import Store


@dataclass(frozen=True)
class Start:
    """Where a page begins: behind the object at `after` (namespace, name), as of `revision`."""

    limit: int | None
    revision: int
    after: tuple[str, str]


def start(request: Request, store: Store) -> Start:
    """Raises BadRequest for a token that is none, Expired when the list has to begin again."""
    limit, token = number(request, "limit") or None, request.query_params.get("continue", "")
    if not token:
        return Start(limit, store.resource_version, ("", ""))
    try:
        revision, namespace, name = json.loads(base64.urlsafe_b64decode(token))
        found = Start(limit, int(revision), (str(namespace), str(name)))
    except (ValueError, TypeError):
        raise BadRequest("continue key is not valid") from None
    store.require_revision(found.revision)
    return found


def cut(start: Start, found: Iterable[Obj]) -> tuple[list[Obj], dict[str, Any]]:
    """The page out of all objects in order, and the metadata of its list."""
    left = [obj for obj in found if _place(obj) > start.after]
    page = left[: start.limit]
    metadata: dict[str, Any] = {"resourceVersion": str(start.revision)}
    if len(left) > len(page):
        token = json.dumps([start.revision, *_place(page[-1])]).encode()
        metadata["continue"] = base64.urlsafe_b64encode(token).decode()
        metadata["remainingItemCount"] = len(left) - len(page)
    return page, metadata


def _place(obj: Obj) -> tuple[str, str]:
    return str(obj["metadata"].get("namespace", "")), str(obj["metadata"]["name"])
