"""`patchmill ops`: how the system is, for whoever is on call."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from patchmill_client.api import Client
from patchmill_client.commands.common import JsonOption, UrlOption, connect
from patchmill_client.commands.watch import OnceOption
from patchmill_client.errors import ForbiddenError
from patchmill_client.live import is_screen, on_terminal, polls
from patchmill_client.output import print_json
from patchmill_client.views.ops import OpsView

_EVERY_S = 5.0
_HOPS_EVERY_S = 30.0


def ops(
    minutes: Annotated[int, typer.Option("--minutes", min=1, max=1440, help="How far back the charts go.")] = 60,
    no_hops: Annotated[
        bool, typer.Option("--no-hops", help="Don't ask each part of the system if it answers.")
    ] = False,
    once: OnceOption = False,
    json: JsonOption = False,
    url: UrlOption = None,
) -> None:
    """Show the queue, phases, failures and the SLO, live; for administrators.

    On a terminal, a screen that q ends. With --json, the server's whole report each time; with --once, one time.
    """
    with connect(url) as client:
        ask = _Ask(client, minutes, hops=not no_hops)
        if once:
            _print(ask(), json)
            return
        client.patience_s = 0  # whoever polls, waits for the server itself
        if not json and is_screen():
            on_terminal(ask, lambda report, ago_s: OpsView(report, ago_s, "q ends"), _EVERY_S)
            return
        for report in polls(ask, _EVERY_S):
            _print(report, json)


class _Ask:
    """The report each time. What each part answers is asked more rarely: that costs more, and is kept in between."""

    def __init__(self, client: Client, minutes: int, *, hops: bool) -> None:
        self._client, self._minutes, self._wanted = client, minutes, hops
        self._hops: Any = None
        self._hops_at = 0.0

    def __call__(self) -> Mapping[str, Any]:
        due = self._wanted and (self._hops is None or time.monotonic() - self._hops_at > _HOPS_EVERY_S)
        try:
            report = self._client.ops(minutes=self._minutes, hops=due)
        except ForbiddenError as error:
            raise ForbiddenError(
                f"{error}\nOnly a key with admin: true sees how the system is; patchmill watch shows your own tasks."
            ) from error
        if due:
            self._hops, self._hops_at = report.get("hops", []), time.monotonic()
        return report if self._hops is None else {**report, "hops": self._hops}


def _print(report: Mapping[str, Any], json: bool) -> None:
    if json:
        print_json(report)
    else:
        Console(highlight=False).print(OpsView(report))
