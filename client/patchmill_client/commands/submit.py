"""`patchmill submit`: a repository and a prompt in, a task out; with --follow, its whole road."""

from __future__ import annotations

import re
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from patchmill_client.api import Client
from patchmill_client.commands.common import JsonOption, UrlOption, announce, connect, to_its_end
from patchmill_client.commands.filters import seconds
from patchmill_client.errors import UsageError
from patchmill_client.model import Task, TaskRequest
from patchmill_client.output import say, size, warn
from patchmill_client.source import Source, open_zip, pack

_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://.*|[\w.-]+@[\w.-]+:.*", re.IGNORECASE)


def submit(
    prompt: Annotated[
        str | None,
        typer.Argument(help="What is to be done; - reads it from stdin. For --agent command: the command."),
    ] = None,
    repo: Annotated[str, typer.Option("--repo", metavar="URL|DIR|ZIP", help="Git URL, folder or ZIP file.")] = "",
    prompt_file: Annotated[Path | None, typer.Option("--prompt-file", help="Read the prompt from this file.")] = None,
    ref: Annotated[str | None, typer.Option("--ref", help="Branch, tag or commit of the Git URL.")] = None,
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="KIND", help="command (a shell command) or mini (a coding agent).")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="The agent's model.")] = None,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="TIME", help="The longest the agent may take: 90s, 30m, 1h30m.")
    ] = None,
    label: Annotated[list[str] | None, typer.Option("--label", metavar="K=V", help="A label; may be repeated.")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", metavar="KEY", help="The same key never makes a second task.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Watch it; the exit code is the outcome.")] = False,
    json: JsonOption = False,
    url: UrlOption = None,
) -> None:
    """Submit a coding task.

    Prints the task's id. With --follow it shows the states and the agent's log, and the exit code is the outcome: 0
    completed, 1 failed, 3 cancelled.
    """
    request = TaskRequest(
        prompt=_prompt(prompt, prompt_file),
        git_ref=ref,
        agent=agent,
        model=model,
        timeout_s=seconds(timeout, "--timeout") if timeout is not None else None,
        labels=dict(map(_label, label or ())),
    )
    with connect(url) as client:
        task = _send(client, request, repo, idempotency_key)
        if not follow:
            announce(task, json=json)
            return
        to_its_end(client, task, json=json)


def _prompt(prompt: str | None, file: Path | None) -> str:
    if (prompt is None) == (file is None):
        raise UsageError('Give the prompt once: as "text", as - for stdin, or with --prompt-file.')
    try:
        if file is not None:
            text = file.read_text("utf-8")
        else:
            text = sys.stdin.buffer.read().decode("utf-8") if prompt == "-" else prompt or ""
        text.encode("utf-8")
    except OSError as e:
        raise UsageError(f"{file} can't be read: {e.strerror}.") from e
    except UnicodeError as e:
        raise UsageError("The prompt is not UTF-8 text.") from e
    if not text.strip():
        raise UsageError("The prompt is empty.")
    return text


def _send(client: Client, request: TaskRequest, repo: str, idempotency_key: str | None) -> Task:
    """Submit the request with its source, which for a folder or a ZIP is uploaded first."""
    fields = dict(request.__dict__)
    if _REMOTE.fullmatch(repo):
        return client.submit(TaskRequest(**fields | {"git_url": repo}), idempotency_key)
    if request.git_ref:
        raise UsageError("--ref goes with a Git URL only: a folder is sent as it is.")
    with _local(repo) as source:
        upload = client.create_upload(source.size)
        columns = (TextColumn("uploading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        console = Console(stderr=True)
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            bar = progress.add_task("", total=source.size)
            client.send_upload(upload, source.file, source.size, lambda sent: progress.update(bar, completed=sent))
    say(f"Uploaded {source.files} file{'s' * (source.files != 1)}, {size(source.size)} zipped.")
    return client.submit(TaskRequest(**fields | {"upload_id": upload.id}), idempotency_key)


def _local(repo: str) -> AbstractContextManager[Source]:
    path = Path(repo)
    if not repo:
        raise UsageError("Say what to work on: --repo with a Git URL, a folder (. is this one) or a ZIP file.")
    if path.is_dir():
        return pack(path, warn)
    if path.is_file():
        return open_zip(path)
    raise UsageError(f"{repo} is neither a Git URL nor a folder or ZIP file that exists here.")


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--label {text!r} is not of the form name=value.")
    return name, value
