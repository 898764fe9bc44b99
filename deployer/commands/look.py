"""status, outputs, package and image: what there is, without changing it."""

from __future__ import annotations

import shlex
from dataclasses import asdict

import typer

from deployer.commands.common import (
    HERE,
    JsonOption,
    ProjectOption,
    StageOption,
    declared,
    opened,
    show,
    show_json,
)
from deployer.commands.text import output_lines, summary


def status(ctx: typer.Context, stage: StageOption, project: ProjectOption = HERE, json: JsonOption = False) -> None:
    """Show functions, versions, traffic and triggers, and whether apply would change anything."""
    from deployer import engine, operations

    with opened(ctx, project, stage, build=True, quiet=json) as context:
        pending = summary(engine.plan(context))
        states = operations.functions(context)
    if json:
        show_json({"stage": stage, "functions": [asdict(state) for state in states], "plan": pending})
        return
    for state in states:
        shares = ", ".join(f"{version} {share} %" for version, share in state.traffic.items())
        show(f"{state.name}  {state.status}", "bold")
        if state.status != "absent":
            show(f"  traffic   {shares}")
            show(f"  versions  {', '.join(state.versions) or 'none'}")
        for trigger in state.triggers:
            show(f"  trigger   {trigger}")
    show(f"plan: {pending}")


def outputs(ctx: typer.Context, stage: StageOption, project: ProjectOption = HERE, json: JsonOption = False) -> None:
    """Print addresses and names: the API's URL, buckets, topics, roles."""
    from deployer import operations

    with opened(ctx, project, stage, build=False, quiet=json) as context:
        operations.learn(context)
        known = operations.outputs(context)
    if json:
        show_json(known)
        return
    for line in output_lines(known):
        show(line)


def package(stage: StageOption, project: ProjectOption = HERE, json: JsonOption = False) -> None:
    """Build all packages and print their sizes. Asks the cloud nothing."""
    from deployer.packaging import build_for
    from deployer.packaging.__main__ import table
    from deployer.progress import Progress

    with Progress(quiet=json) as progress:
        declaration = declared(project, stage, addresses=False)
        packages = build_for(declaration, declaration.environ, progress)
    if not json:
        show(table(packages.values()))
        return
    show_json(
        {
            package.id: {
                "zip": str(package.zip),
                "digest": package.digest,
                "zipBytes": package.zip_bytes,
                "unpackedBytes": package.unpacked_bytes,
            }
            for package in packages.values()
        }
    )


def image(stage: StageOption, project: ProjectOption = HERE, json: JsonOption = False) -> None:
    """Say which image the stage uses, whether its registry has it, and how to build it from this tree."""
    from deployer import image as images

    declaration = declared(project, stage, addresses=False)
    name, tag = declaration.image, images.content_tag(declaration.project)
    built = f"{name.rpartition(':')[0] or name}:{tag}"
    command = images.build_command(declaration.project, built, (*images.engines(), "podman")[0])
    match images.check(name, declaration.environ):
        case images.Missing():
            found, said = "missing", "the registry has no such image: build and push it (docs/deploy.md)"
        case images.Unknown(reason):
            found, said = "unknown", reason
        case _:
            found, said = "exists", "the registry has it"
    if json:
        show_json({"image": name, "state": found, "detail": said, "contentTag": tag, "build": command})
    else:
        show(f"{name}: {said}")
        show(f"this tree's tag: {tag}")
        show(f"build it:        {shlex.join(command)}")
    if found == "missing":
        raise typer.Exit(1)
