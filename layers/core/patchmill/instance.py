"""What one instance of a function keeps between events: its role's newest keys, and the services made at its cold
start.

in   each event's context, the process's environment
out  Services

A cold start that fails leaves nothing behind: the next event tries again.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from patchmill import settings
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

    def services(self, context: object) -> Services:
        """For one event, by its context. Raises Unavailable when the secrets can't be had, SettingsError for bad
        settings.
        """
        self._keys.take(context)
        if self._services is None:
            api = CloudApi(_place(self._environ), self._keys)
            found = settings.read(with_secrets(self._environ, api), self.needs)
            self._services = build(found, self._keys, api, self._scratch)
        return self._services

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
