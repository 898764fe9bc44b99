"""The emulator's own settings: command line and environment in, one frozen object out."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

PREFIX = "PATCHMILL_EMULATOR_"
PORTS = ("url", "api", "cos", "kube", "kafka")
Number = TypeVar("Number", int, float)


class SettingsError(Exception):
    """A setting that cannot be used; the text names it."""


@dataclass(frozen=True)
class Settings:
    """How one emulator runs. Every field can be given as PATCHMILL_EMULATOR_<NAME>, most as an option of `up` too."""

    root: Path
    """Folder of everything it keeps: data, logs, sockets, state."""
    slots: int = 4
    """Pods that run at the same time."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """TCP ports that must be these, by name (url: the first Function URL, api, cos, kube, kafka); else any."""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Values for `deploy.env`, which the stage `local` reads; they win over the emulator's own."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The environment of the caller."""
    retry_delay_s: float = 0.5
    """Pause before an asynchronous event is tried again (the platform: 60)."""
    ckafka_retry_delay_s: float = 0.5
    """Pause before a failed CKafka batch is tried again."""
    ckafka_wait_s: float = 0.05
    """Longest wait for a CKafka batch to fill, instead of the declared seconds."""
    idle_s: float = 120.0
    """An instance without work ends after this time."""
    max_instances: int = 4
    """Instances of one function at the same time, unless it declares fewer."""
    sweep_cron: str = "*/2 * * * * * *"
    """PATCHMILL_SWEEP_CRON for the deployment: how often the timer trigger sweeps (the platform: every minute)."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `up`."""
    parser.add_argument("--slots", type=int, help="pods that run at the same time (4)")
    for name in PORTS:
        parser.add_argument(f"--port-{name}", type=int, metavar="PORT", help=f"TCP port of {name} (a free one)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a value for ${env:NAME} in serverless.yml, written to deploy.env",
    )


def read_settings(options: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Options first, then PATCHMILL_EMULATOR_*, then the defaults. Raises SettingsError."""
    numbers = ("retry_delay_s", "ckafka_retry_delay_s", "ckafka_wait_s", "idle_s")
    return Settings(
        root=root_of(options, environ),
        slots=_number(environ, "SLOTS", options.slots, 4, int),
        max_instances=_number(environ, "MAX_INSTANCES", None, 4, int),
        ports=_ports(options, environ),
        variables=_variables(options.set),
        environ=environ,
        sweep_cron=environ.get("PATCHMILL_SWEEP_CRON") or Settings.sweep_cron,
        **{name: _number(environ, name.upper(), None, getattr(Settings, name), float) for name in numbers},
    )


def root_of(options: argparse.Namespace, environ: Mapping[str, str]) -> Path:
    """The root folder, absolute."""
    return Path(options.root or environ.get(PREFIX + "ROOT") or ".local").resolve()


def _ports(options: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, int]:
    given = {name: _number(environ, f"PORT_{name.upper()}", getattr(options, f"port_{name}"), 0, int) for name in PORTS}
    for name, port in given.items():
        if not 0 <= port < 65536:
            raise SettingsError(f"the port of {name} must lie between 1 and 65535, not {port}")
    ports = {name: port for name, port in given.items() if port}
    for name, port in ports.items():
        if others := [other for other in ports if ports[other] == port and other != name]:
            raise SettingsError(f"port {port} is given to {name} and to {others[0]}")
    return ports


def _variables(pairs: list[str]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise SettingsError(f"--set takes NAME=VALUE, not {pair!r}")
    return dict(pair.split("=", 1) for pair in pairs)


def _number(
    environ: Mapping[str, str], name: str, option: Number | None, default: Number, kind: Callable[[str], Number]
) -> Number:
    if option is not None:
        return option
    text = environ.get(PREFIX + name)
    if not text:
        return default
    try:
        value = kind(text)
    except ValueError:
        raise SettingsError(f"{PREFIX}{name} must be a number, not {text!r}") from None
    if value < 0:
        raise SettingsError(f"{PREFIX}{name} must not be negative")
    return value
