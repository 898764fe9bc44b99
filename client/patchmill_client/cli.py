"""The `patchmill` command: its subcommands put together, and the one place that turns an error into words and a code.

Exit codes: 0 done or COMPLETED, 1 FAILED, 2 usage or refused request, 3 CANCELLED, 4 can't reach the server or the key
is not accepted, 130 Ctrl-C.
"""

from __future__ import annotations

import io
import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from patchmill_client.commands.common import INTERRUPTED
from patchmill_client.commands.logs import logs
from patchmill_client.commands.ops import ops
from patchmill_client.commands.results import artifacts, diff
from patchmill_client.commands.submit import submit
from patchmill_client.commands.tasks import cancel, list_tasks, retry, status, wait
from patchmill_client.commands.timeline import timeline
from patchmill_client.commands.watch import watch
from patchmill_client.errors import PatchmillError, UsageError
from patchmill_client.output import say


class _Commands(TyperGroup):
    """A mistake or trouble ends in a sentence, never in a stack trace."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except PatchmillError as e:
            say(str(e), "red")
            raise typer.Exit(e.exit_code) from e
        except UnicodeEncodeError as e:
            say("An argument holds bytes that are no text in UTF-8.", "red")
            raise typer.Exit(UsageError.exit_code) from e
        except KeyboardInterrupt:
            say("\nInterrupted.")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    name="patchmill",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Environment: PATCHMILL_URL, the server; PATCHMILL_API_KEY, your key.  Exit codes: 0 completed, 1 failed, "
    "2 bad request, 3 cancelled, 4 no contact or key refused, 130 Ctrl-C.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"patchmill {version('patchmill')}")
        raise typer.Exit


@app.callback()
def patchmill(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Send coding tasks to a Patchmill server and bring their patches home."""


app.command()(submit)
app.command()(status)
app.command("list")(list_tasks)
app.command()(logs)
app.command()(diff)
app.command()(artifacts)
app.command()(cancel)
app.command()(retry)
app.command()(wait)
app.command()(timeline)
app.command()(watch)
app.command()(ops)


def main() -> None:
    """Entry point of the `patchmill` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 shows what it can
    app(prog_name="patchmill")
