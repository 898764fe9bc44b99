"""The function's own identity: the temporary keys of its role, as the platform hands them out, the newest at every
event.

They come with each event in `context["environment"]`, a JSON text, and stand in the process's environment from its
start. An instance outlives them, so nobody keeps a pair: whoever signs asks RoleKeys for the current one.

The platform's names are not those that Tencent's SDK looks for by itself
(cloud.tencent.com/document/product/583/30228).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from patchmill.errors import SettingsError

_ID, _KEY, _TOKEN = "TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN"


@dataclass(frozen=True)
class CloudKeys:
    """A pair of keys; `token` is None for permanent ones. The repr shows no secret."""

    secret_id: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class RoleKeys:
    """The role's newest keys. `environ` is the process's environment, for events that bring none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._current: CloudKeys | None = None

    @property
    def current(self) -> CloudKeys:
        """Raises SettingsError when the function runs without a role."""
        if self._current is None:
            self._current = _keys(self._environ)
        if self._current is None:
            raise SettingsError(f"{_ID} is not set: the function needs a role")
        return self._current

    def take(self, context: object) -> None:
        """Remember the keys of the event that `context` belongs to."""
        self._current = _keys(_environment(context)) or _keys(self._environ)


def _environment(context: object) -> Mapping[str, Any]:
    found = context.get("environment") if isinstance(context, Mapping) else None
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            return {}
    return found if isinstance(found, Mapping) else {}


def _keys(variables: Mapping[str, Any]) -> CloudKeys | None:
    secret_id, secret_key, token = (variables.get(name) for name in (_ID, _KEY, _TOKEN))
    if not secret_id or not secret_key:
        return None
    return CloudKeys(str(secret_id), str(secret_key), str(token) if token else None)
