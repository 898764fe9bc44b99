"""The `patchmill-deploy` command: its subcommands, and the one place that turns an error into words and an exit code.

Exit codes: 0 done, 1 failed or refused, 2 a mistake in the command, serverless.yml or the stage file (of
plan --exit-code: there are changes), 130 Ctrl-C.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from deployer.commands.common import FAILED, INTERRUPTED, USAGE, UsageError, say
from deployer.commands.deploy import apply, destroy, plan
from deployer.commands.look import image, outputs, package, status
from deployer.commands.run import invoke, logs, rollback
from deployer.context import DeployError
from deployer.errors import CloudError
from deployer.model import Foreign

CHANGING = ("apply", "destroy", "rollback")


class _Commands(TyperGroup):
    """A mistake or trouble ends in a sentence, never in a stack trace."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            say(str(error), "red")
            raise typer.Exit(USAGE) from error
        except CloudError as error:
            from deployer.advice import describe

            say(describe(error), "red")
            raise typer.Exit(FAILED) from error
        except (DeployError, Foreign) as error:
            say(str(error), "red")
            raise typer.Exit(FAILED) from error
        except OSError as error:
            if isinstance(error, BrokenPipeError):  # whoever reads has enough, like `head`
                raise
            say(f"{error.filename}: {error.strerror}" if error.filename else str(error), "red")
            raise typer.Exit(FAILED) from error
        except KeyboardInterrupt:
            say(_interrupted(ctx))
            raise typer.Exit(INTERRUPTED) from None


def _interrupted(ctx: Any) -> str:
    if ctx.invoked_subcommand in CHANGING:
        return "\nInterrupted. Nothing is lost: the same command goes on where it stopped."
    return "\nInterrupted."


app = typer.Typer(
    name="patchmill-deploy",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Keys: TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, from the environment or the stage's envFile.  "
    "Exit codes: 0 done, 1 failed, 2 a mistake in the command or the declaration, 130 Ctrl-C.",
)


@app.callback()
def patchmill_deploy() -> None:
    """Bring serverless.yml to Tencent Cloud, or to the emulator: the same way."""


for _command in (plan, apply, status, outputs, logs, invoke, rollback, destroy, package, image):
    app.command()(_command)


def main() -> None:
    """Entry point of the `patchmill-deploy` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 shows what it can
    app(prog_name="patchmill-deploy")
