"""plan, apply and destroy."""

from __future__ import annotations

from typing import Annotated

import typer

from deployer.commands.common import (
    HERE,
    JsonOption,
    ProjectOption,
    StageOption,
    YesOption,
    confirm,
    opened,
    say,
    show,
    show_json,
)
from deployer.commands.text import output_lines, plan_data, plan_lines, summary
from deployer.context import Context
from deployer.model import Plan

TrafficOption = Annotated[
    int, typer.Option("--traffic", metavar="PERCENT", min=1, max=100, help="Share of the calls that new versions get.")
]
ReplaceOption = Annotated[
    bool,
    typer.Option("--allow-replace", help="Delete a function and make it anew where its runtime changes."),
]
ImageOption = Annotated[
    bool, typer.Option("--skip-image-check", help="Don't ask the registry whether the stage's image is there.")
]
CHANGES = 2


def plan(
    ctx: typer.Context,
    stage: StageOption,
    project: ProjectOption = HERE,
    traffic: TrafficOption = 100,
    json: JsonOption = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 2 if there are changes, with 0 if there are none.")
    ] = False,
    skip_image_check: ImageOption = False,
) -> None:
    """Show what apply would do. Only reads."""
    from deployer import engine

    with opened(ctx, project, stage, build=True, quiet=json) as context:
        context.traffic = traffic
        wanted = engine.plan(context)
        if not skip_image_check:
            _check_image(context, refuse=False)
        if json:
            show_json(plan_data(wanted, context.notes))
        else:
            _print(wanted, context)
    if exit_code and wanted.steps:
        raise typer.Exit(CHANGES)


def apply(
    ctx: typer.Context,
    stage: StageOption,
    project: ProjectOption = HERE,
    traffic: TrafficOption = 100,
    yes: YesOption = False,
    allow_replace: ReplaceOption = False,
    skip_image_check: ImageOption = False,
    json: JsonOption = False,
) -> None:
    """Make the stage what serverless.yml says. May be killed and run again at any time."""
    from deployer import engine, operations

    with opened(ctx, project, stage, build=True) as context:
        context.traffic, context.allow_replace = traffic, allow_replace
        wanted = engine.plan(context)
        if wanted.steps and not skip_image_check:
            _check_image(context, refuse=True)
        if not json:
            _print(wanted, context)
        if wanted.steps:
            confirm(f"Apply this to {_where(context)}?", yes)
            engine.apply(context, wanted)
        outputs = operations.outputs(context)
        if json:
            show_json({"applied": plan_data(wanted, context.notes)["steps"], "outputs": outputs})
            return
        show("")
        for line in output_lines(outputs):
            show(line)


def destroy(
    ctx: typer.Context,
    stage: StageOption,
    project: ProjectOption = HERE,
    with_data: Annotated[
        bool, typer.Option("--with-data", help="Delete buckets with all objects, topics with all records, secrets too.")
    ] = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Delete what the deployer made for this stage, and nothing else. May be killed and run again."""
    from deployer import engine

    with opened(ctx, project, stage, build=False) as context:
        doomed = engine.destroy_plan(context, with_data)
        notes = list(context.notes)
        if not json:
            _print(doomed, context)
        if doomed.steps:
            data = " AND ALL ITS DATA" if with_data else ""
            confirm(f"Delete {len(doomed.steps)} resources{data} of {_where(context)}?", yes)
            engine.destroy(context, with_data)
        if json:
            show_json({"deleted": [step.resource.id for step in doomed.steps], "notes": notes})
        elif doomed.steps:
            show(f"{summary(doomed)}: done")


def _check_image(context: Context, refuse: bool) -> None:
    """Only a registry that says no stops anything: one that can't be asked may still serve the cluster."""
    from deployer import image
    from deployer.context import DeployError

    name = context.declaration.image
    match image.check(name, context.declaration.environ):
        case image.Missing():
            problem = f"The registry has no image {name}. Build and push it (docs/deploy.md), or name another one."
            if refuse:
                raise DeployError(f"{problem} --skip-image-check goes on without it.")
            context.notes.append(problem)
        case image.Unknown(reason) if not refuse:
            context.notes.append(f"Whether the image {name} exists is not known: {reason}")


def _where(context: Context) -> str:
    declaration = context.declaration
    return f"the stage {declaration.stage} ({declaration.account.uin}, {declaration.region})"


def _print(wanted: Plan, context: Context) -> None:
    for line, style in plan_lines(wanted):
        show(line, style)
    for note in context.notes:
        say(f"note: {note}", "dim")
