"""Keys that live as long as a pod may: sessions of the role that signs presigned URLs for pods, from AssumeRole.

A presigned URL dies with the keys that signed it (cloud.tencent.com/document/product/236/35153), and a function's own
keys are the platform's to end. So what a pod gets is signed with keys that are asked for with the attempt's whole
life.

One session signs for many attempts. A session for each, narrowed down to its own objects, would cost every dispatch a
call of 30 to 100 ms and count against the API's rate limit, and would protect nothing more: the keys stay in this
process, a pod gets URLs alone, and each of those is bound to one verb and one key.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from patchmill.adapters.cloudapi import Api
from patchmill.credentials import CloudKeys
from patchmill.errors import SettingsError, Unavailable
from patchmill.settings import MAX_SESSION_S, SESSION_MARGIN_S

_REUSE_S = 3600
"""A session is asked for with so much more than its first URL needs: for so long it signs URLs of the same life."""


class RoleSession:
    """Sessions of one role, the newest kept in memory. `clock`: seconds since the epoch."""

    def __init__(self, api: Api, role: str | None, clock: Callable[[], float] = time.time) -> None:
        self._api, self._role, self._clock = api, role, clock
        self._keys: CloudKeys | None = None
        self._ends_at = 0.0

    def keys(self, life_s: int) -> CloudKeys:
        """Keys that live at least `life_s` seconds from now.

        Raises Unavailable when there are none to be had, SettingsError when this function was given no role to assume.
        """
        if self._keys is None or self._ends_at - self._clock() < life_s + SESSION_MARGIN_S / 2:
            self._keys = self._assume(life_s)
        return self._keys

    def _assume(self, life_s: int) -> CloudKeys:
        if self._role is None:
            raise SettingsError("PATCHMILL_PODS_ROLE is not set")
        wanted = min(life_s + SESSION_MARGIN_S + _REUSE_S, MAX_SESSION_S)
        answer = self._api.call(
            "sts", "AssumeRole", RoleArn=self._role, RoleSessionName="patchmill-pods", DurationSeconds=wanted
        )
        try:
            found = answer["Credentials"]
            keys = CloudKeys(str(found["TmpSecretId"]), str(found["TmpSecretKey"]), str(found["Token"]))
            self._ends_at = float(answer["ExpiredTime"])
        except (KeyError, TypeError, ValueError):
            raise Unavailable("sts AssumeRole: the answer is not the API's") from None
        if self._ends_at - self._clock() < life_s:
            raise Unavailable("sts AssumeRole: the keys end before the URLs that they are for")
        return keys
