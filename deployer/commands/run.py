"""logs, invoke and rollback: work with the running functions."""

from __future__ import annotations

import json as jsonlib
import re
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from deployer.commands.common import (
    FAILED,
    HERE,
    JsonOption,
    ProjectOption,
    StageOption,
    UsageError,
    YesOption,
    confirm,
    opened,
    say,
    show,
    show_json,
)

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
FOLLOW_S = 2.0


def logs(
    ctx: typer.Context,
    stage: StageOption,
    function: Annotated[str | None, typer.Argument(metavar="[FUNCTION]", help="All of them if none is named.")] = None,
    project: ProjectOption = HERE,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until Ctrl-C.")] = False,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Like 30s, 10m, 2h or 1d.")] = "10m",
    json: JsonOption = False,
) -> None:
    """Print what the functions logged, from the stage's log topic."""
    from deployer import functionlogs, operations

    seconds = _seconds(since)
    with opened(ctx, project, stage, build=False, quiet=True) as context:
        if function is not None and function not in context.declaration.functions:
            raise UsageError(f"There is no function {function}; there is: {', '.join(context.declaration.functions)}.")
        operations.learn(context, only=("logs",))
        for line in functionlogs.read(context, function, seconds, FOLLOW_S if follow else None):
            if json:
                sys.stdout.write(jsonlib.dumps(asdict(line)) + "\n")
                sys.stdout.flush()
            else:
                show(f"{datetime.fromtimestamp(line.at_ms / 1000):%H:%M:%S} {line.function:<10} {line.text}")


def invoke(
    ctx: typer.Context,
    stage: StageOption,
    function: Annotated[str, typer.Argument(metavar="FUNCTION")],
    event: Annotated[str, typer.Option("--event", metavar="JSON", help="The event; - reads it from stdin.")] = "{}",
    qualifier: Annotated[str, typer.Option("--qualifier", help="A version or an alias.")] = "$DEFAULT",
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Call a function and print its answer; its log goes to stderr."""
    from deployer import operations

    text = sys.stdin.read() if event == "-" else event
    try:
        jsonlib.loads(text)
    except ValueError as error:
        raise UsageError(f"The event is no JSON: {error}") from None
    with opened(ctx, project, stage, build=False, quiet=json) as context:
        answer = operations.invoke(context, function, text, qualifier)
    if json:
        show_json(asdict(answer))
    else:
        say(answer.log.rstrip(), "dim")
        say(f"{answer.duration_ms:.0f} ms, {answer.memory_bytes / 1e6:.0f} MB, request {answer.request_id}", "dim")
        show(answer.body)
    if answer.error:
        say(answer.error, "red")
        raise typer.Exit(FAILED)


def rollback(
    ctx: typer.Context,
    stage: StageOption,
    functions: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FUNCTION]...", help="If none is named: what an apply --traffic began, else all."),
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="VERSION", help="Not the release before.")] = None,
    project: ProjectOption = HERE,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Give the traffic back to the release before. The next apply moves it forward again."""
    from deployer import operations

    with opened(ctx, project, stage, build=False, quiet=json) as context:
        names = functions or (list(context.declaration.functions) if to else operations.to_roll_back(context))
        confirm(f"Move {', '.join(names)} to {f'version {to}' if to else 'the release before'}?", yes)
        moved = operations.rollback(context, names, to)
    if json:
        show_json([asdict(each) for each in moved])
        return
    for each in moved:
        before = ", ".join(f"{version} {share} %" for version, share in each.before.items())
        show(f"{each.name}: {before} → {each.after} 100 %")


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if match is None:
        raise UsageError(f"--since {text}: a number with s, m, h or d is wanted, like 30s, 10m, 2h or 1d.")
    return float(int(match[1]) * UNITS_S[match[2]])
