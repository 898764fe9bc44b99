"""What one instance of a function keeps between events: its role's newest keys, and the services made at its cold
start.

in   each event's context, the process's environment
out  Services

A cold start that fails leaves nothing behind: the next event tries again.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from patchmill import events, log, settings
from patchmill.adapters.cloudapi import CloudApi, Place
from patchmill.credentials import RoleKeys
from patchmill.secrets import with_secrets
from patchmill.services import Services, build


class Instance:
    """`needs`: optional settings that this function can't do without; `scratch`: a private folder instead of /tmp."""

    def __init__(
        self, environ: Mapping[str, str] = os.environ, needs: Collection[str] = (), scratch: Path | None = None
    ) -> None:
        self.needs = needs
        self._environ, self._scratch = environ, scratch
        self._keys = RoleKeys(environ)
        self._services: Services | None = None
        self._began = datetime.now(timezone.utc).replace(tzinfo=None)

    def services(self, context: object) -> Services:
        """For one event, by its context. Raises Unavailable when the secrets can't be had, SettingsError for bad
        settings.
        """
        self._keys.take(context)
        if self._services is None:
            api = CloudApi(_place(self._environ), self._keys)
            found = settings.read(with_secrets(self._environ, api), self.needs)
            log.set_level(found.log_level)
            self._services = build(found, self._keys, api, self._scratch)
            self._services.traces.begin(self._began)
        return self._services

    @contextmanager
    def event(self, event: events.Raw, context: object) -> Iterator[None]:
        """Around all that is done for one event: its lines carry the platform's request id, and its spans are sent
        before the process may be frozen.
        """
        self._began = datetime.now(timezone.utc).replace(tzinfo=None)
        if self._services is not None:
            self._services.traces.begin(self._began)
        with log.event(events.trigger(event), context, records=events.count(event)):
            try:
                yield
            except Exception:
                if self._services is not None:
                    self._services.stats.fault(log.function())
                raise
            finally:
                if self._services is not None:
                    self._services.traces.flush()

    def close(self) -> None:
        """For tests; an instance of the platform is just killed."""
        if self._services is not None:
            self._services.close()


def _place(environ: Mapping[str, str]) -> Place:
    """Where the API answers is said by the environment itself: the secrets come from there."""
    return Place(
        environ.get("PATCHMILL_API_SCHEME") or "https",
        environ.get("PATCHMILL_API_ENDPOINT") or None,
        environ.get("PATCHMILL_COS_REGION", ""),
    )
