"""Tell the control plane how far the pod is: an empty object per phase, put from a thread beside the real work.

in   PATCHMILL_PHASE_URLS, JSON {"<PHASE>": presigned PUT}
out  best effort: a phase that cannot be told is forgotten, and nothing waits long for it
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping

from patchmill_agent.errors import TransferError
from patchmill_agent.events import Events
from patchmill_agent.transfer import Client

TIMEOUT_S = 2.0


class Phases:
    """Reports phases in the order they are told; each waits for the one before, none for longer than its time-out."""

    def __init__(self, env: Mapping[str, str], events: Events) -> None:
        self._urls = _urls(env.get("PATCHMILL_PHASE_URLS", ""))
        self._events = events
        self._last: threading.Thread | None = None

    def tell(self, phase: str) -> None:
        if url := self._urls.get(phase):
            self._last = threading.Thread(target=_put, args=(phase, url, self._last, self._events), daemon=True)
            self._last.start()

    def finish(self) -> None:
        """Wait for what is under way, so that the process's end does not cut it off."""
        if self._last:
            self._last.join(2 * TIMEOUT_S)


def _put(phase: str, url: str, before: threading.Thread | None, events: Events) -> None:
    if before:
        before.join(TIMEOUT_S)
    client = Client(TIMEOUT_S)
    try:
        client.put(f"phase {phase}", url, b"", 0, tries=1)
    except TransferError as error:
        events.say("phase_not_told", "warning", phase=phase, error=str(error))
    finally:
        client.close()


def _urls(text: str) -> dict[str, str]:
    try:
        urls = json.loads(text or "{}")
    except ValueError:
        return {}
    return {key: url for key, url in urls.items() if isinstance(url, str)} if isinstance(urls, dict) else {}
