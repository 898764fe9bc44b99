"""What the commands share: their options, the way to a Context, what they print, and the question before a change."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from deployer.context import Cloud, Context
from deployer.progress import Progress

if TYPE_CHECKING:
    from deployer.declaration import Declaration

FAILED, USAGE, INTERRUPTED = 1, 2, 130

StageOption = Annotated[
    str, typer.Option("--stage", metavar="STAGE", help="Name of the stage: stages/STAGE.yml.", show_default=False)
]
ProjectOption = Annotated[
    Path, typer.Option("--project", metavar="DIR", help="The folder of serverless.yml.", file_okay=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else there.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
HERE = Path()

Connect = Callable[["Declaration"], Cloud]


class UsageError(Exception):
    """A mistake in the command or the declaration; the text says what to write instead."""


@contextmanager
def opened(ctx: typer.Context, project: Path, stage: str, *, build: bool, quiet: bool = False) -> Iterator[Context]:
    """A Context for the stage. `build`: with packages, for what compares or sends code.

    The command's `obj` may be another way to connect than deployer.cloud.Cloud.of. Raises UsageError, DeployError and
    CloudError.
    """
    from deployer import engine  # these take half a second to import: not for --help
    from deployer.cloud import Cloud as RealCloud
    from deployer.packaging import build_for

    with Progress(quiet) as progress:
        declaration = declared(project, stage)
        connect: Connect = ctx.obj or partial(RealCloud.of, progress=progress)
        cloud = connect(declaration)
        packages = build_for(declaration, declaration.environ, progress) if build else {}
        context = Context(declaration, packages, cloud, progress=progress)
        if not build:  # a plan looks itself; another account may have a stage of this name too
            engine.check_account(context)
        yield context


def declared(project: Path, stage: str, *, addresses: bool = True) -> Declaration:
    """The checked declaration. Raises UsageError with every fault of it."""
    from deployer.declaration import DeclarationError, load

    try:
        return load(project, stage, os.environ, addresses=addresses)
    except DeclarationError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from None


def confirm(question: str, yes: bool) -> None:
    """Go on only if the person agrees. Raises UsageError where there is nobody to ask, typer.Exit on a no."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("This is no terminal, so nobody can be asked: add --yes to do it without asking.")
    if not typer.confirm(question, err=True):
        say("Nothing was done.")
        raise typer.Exit(FAILED)


def say(text: str, style: str = "") -> None:
    """A line for the person, on stderr."""
    Console(stderr=True, highlight=False).print(Text(text, style=style), soft_wrap=True)


def show(text: str, style: str = "") -> None:
    """A line of the result, on stdout."""
    Console(highlight=False).print(Text(text, style=style), soft_wrap=True)


def show_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
    sys.stdout.flush()
