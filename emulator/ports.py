"""The TCP ports of one emulator: those that must be, and those that were, in; one for each name out."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.services.kafka import free_port
from emulator.settings import PORTS, SettingsError


def choose_ports(fixed: Mapping[str, int], remembered: Mapping[str, int]) -> dict[str, int]:
    """A port of its own for every name in PORTS and in `remembered`, the remembered one where it is still free.

    Raises SettingsError when something listens on a fixed one already.
    """
    chosen = dict(fixed)
    for name, port in fixed.items():
        if free_port(port) != port:
            raise SettingsError(f"port {port} for {name} is taken on 127.0.0.1")
    for name in {**dict.fromkeys(PORTS), **remembered}:
        if name not in chosen:
            port = free_port(remembered.get(name, 0))
            while port in chosen.values():  # the kernel may give one out again before anything listens on it
                port = free_port()
            chosen[name] = port
    return chosen
