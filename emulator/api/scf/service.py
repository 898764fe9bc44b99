"""The actions of SCF by name. One that the platform has and this stand-in does not is refused as an unknown one."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.api.action import Action
from emulator.api.scf import aliases, concurrency, functions, invoke, layers, listing, namespaces, triggers, versions
from emulator.scf.platform import Platform


class ScfService:
    """A Service of the API (emulator/api/action)."""

    name, version = "scf", "2018-04-16"

    def __init__(self, platform: Platform) -> None:
        self._actions: dict[str, Action] = {}
        for part in (namespaces, layers, functions, listing, versions, aliases, triggers, concurrency, invoke):
            self._actions.update(part.actions(platform))

    @property
    def actions(self) -> Mapping[str, Action]:
        return self._actions
