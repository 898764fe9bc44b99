"""How a pod's worker tells the world: status changes into the store, Events into the record."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from emulator.kube import errors, podstatus
from emulator.kube.events import Recorder
from emulator.kube.store import Obj, Store


@dataclass
class Report:
    """Speaks about one pod, until it is `silent`."""

    store: Store
    recorder: Recorder
    pod: Obj
    silent: bool = False

    def waits(self, container: Obj, reason: str, message: str) -> None:
        self.write(lambda pod: podstatus.waiting(pod, container["name"], reason, message))

    def tell(self, container: str, reason: str, message: str) -> None:
        """An Event that belongs to an ordinary life."""
        if not self.silent:
            self.recorder.normal(self.pod, reason, message, self._path(container))

    def warn(self, container: str, reason: str, message: str) -> None:
        """An Event that a person may have to look at; `container` is empty when it is about the whole pod."""
        if not self.silent:
            self.recorder.warning(self.pod, reason, message, self._path(container) if container else "")

    def write(self, change: Callable[[Obj], None]) -> None:
        """Change the stored status; a pod that somebody removed meanwhile has none."""
        metadata = self.pod["metadata"]
        if self.silent:
            return

        def apply(pod: Obj) -> None:
            if pod["metadata"]["uid"] == metadata["uid"]:
                change(pod)

        with contextlib.suppress(errors.NotFound):
            self.store.change("Pod", metadata["namespace"], metadata["name"], apply)

    def _path(self, container: str) -> str:
        init = any(each["name"] == container for each in podstatus.init_containers(self.pod))
        return f"spec.{'initContainers' if init else 'containers'}{{{container}}}"
