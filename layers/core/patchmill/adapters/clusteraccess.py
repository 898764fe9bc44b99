"""Access to the cluster: a kubeconfig from the settings or from TKE in, an HTTP pool that the API server knows out.

TKE's is asked for by the function's role, so the API server sees the identity that RBAC was given for. It is kept in
memory and in a private file of /tmp, which a process that the platform started anew in the same instance finds again.
It is asked for anew after an hour, when its certificate is about to end, and once when the API server does not know it,
or does not answer where it says.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import urllib3

from patchmill import log
from patchmill.adapters.cloudapi import Api
from patchmill.adapters.kubeconfig import BadKubeconfig, Login, parse
from patchmill.settings import Settings

_MAX_AGE_S = 3600
_ENDING_S = 300
_MAX_BYTES = 256 * 1024


@dataclass(frozen=True)
class Connection:
    """`base` is the API server's URL."""

    base: str
    http: urllib3.PoolManager
    fetched_at: float
    good_until: float


class ClusterAccess:
    """Access to one cluster, shared by all that talk to it. Asks for nothing before it is needed.

    `folder`: where the file is kept, the instance's own /tmp. `clock`: seconds since the epoch.
    """

    def __init__(
        self, settings: Settings, api: Api, folder: Path | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._text, self._cluster, self._api, self._clock = settings.kubeconfig, settings.tke_cluster, api, clock
        name = f"patchmill-kubeconfig-{quote(settings.tke_cluster or '', safe='')}"
        self._file = (folder or Path(tempfile.gettempdir())) / name
        self._connection: Connection | None = None

    def connection(self) -> Connection:
        """Raises Unavailable when there is no access to be had, or none that is of use."""
        if self._connection is None or self._clock() >= self._connection.good_until:
            self.close()
            self._connection = self._connect()
        return self._connection

    def renew(self, min_age_s: float = 0) -> bool:
        """Ask anew for the next connection. False where nothing would change, or the access is younger than said."""
        connection = self._connection
        if self._text is not None or (connection and self._clock() - connection.fetched_at < min_age_s):
            return False
        self.close()
        self._file.unlink(missing_ok=True)
        return True

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.http.clear()

    def _connect(self) -> Connection:
        now = self._clock()
        if self._text is not None:
            return _connection(parse(self._text), now, now)
        if kept := _read(self._file, now):
            text, fetched_at = kept
            login = parse(text)
            if not _ending(login, now):
                return _connection(login, fetched_at, now)
        text = self._fetch()
        login = parse(text)
        _write(self._file, text)
        return _connection(login, now, now)

    def _fetch(self) -> str:
        answer = self._api.call("tke", "DescribeClusterKubeconfig", ClusterId=self._cluster, IsExtranet=False)
        return str(answer.get("Kubeconfig") or "")


def _connection(login: Login, fetched_at: float, now: float) -> Connection:
    if login.expires_at is not None and login.expires_at <= now:
        raise BadKubeconfig("its client certificate has ended")
    good_until = fetched_at + _MAX_AGE_S
    if login.expires_at is not None:
        good_until = min(good_until, login.expires_at - _ENDING_S)
    headers = {"Authorization": f"Bearer {login.token}"} if login.token else {}
    http = urllib3.PoolManager(ssl_context=login.context(), headers=headers, retries=False)
    return Connection(login.server, http, fetched_at, good_until)


def _ending(login: Login, now: float) -> bool:
    return login.expires_at is not None and login.expires_at - _ENDING_S <= now


def _read(path: Path, now: float) -> tuple[str, float] | None:
    """(text, when it was written), if the file is ours, nobody else's to read, and not too old."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
            if not ours or found.st_size > _MAX_BYTES or not 0 <= now - found.st_mtime < _MAX_AGE_S:
                return None
            return file.read(), found.st_mtime
    except (OSError, UnicodeDecodeError):
        return None


def _write(path: Path, text: str) -> None:
    """Whole or not at all; without it the next process asks again."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            draft.replace(path)
        except OSError:
            draft.unlink()
            raise
    except OSError as error:
        log.warning("kubeconfig_not_kept", error=type(error).__name__)
