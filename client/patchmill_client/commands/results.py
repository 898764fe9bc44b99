"""`patchmill diff` and `patchmill artifacts`: what a task made."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from patchmill_client.api import Client
from patchmill_client.apply import apply_patch
from patchmill_client.commands.common import JsonOption, TaskId, UrlOption, connect
from patchmill_client.errors import DamagedError, NotFoundError, UsageError
from patchmill_client.model import Artifact
from patchmill_client.output import changes, print_json, print_table, say, size
from patchmill_client.text import clean

_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_STYLES = (("+++", "bold"), ("---", "bold"), ("diff ", "bold"), ("@@", "cyan"), ("+", "green"), ("-", "red"))


def diff(
    task_id: TaskId,
    apply: Annotated[bool, typer.Option("--apply", help="Put the changes into a folder, by git apply.")] = False,
    repo: Annotated[
        Path | None, typer.Option("--repo", metavar="DIR", help="The folder for --apply; this one if not given.")
    ] = None,
    json: JsonOption = False,
    url: UrlOption = None,
) -> None:
    """Print a task's patch, or apply it to a folder."""
    if repo is not None and not apply:
        raise UsageError("--repo goes with --apply.")
    with connect(url) as client:
        task = client.task(task_id)
        patch = _patch(client, task_id, ended=task.ended)
    applied = None
    folder = repo or Path()
    if apply and patch:
        applied = apply_patch(patch, folder)
    if json:
        print_json({"id": task.id, **_as_json(patch), **({"applied": applied} if apply else {})})
    elif not apply:
        _print_patch(patch)
    elif applied:
        say(f"Applied to {folder.resolve()}: {changes(task.patch)}.")
    else:
        say(
            "The patch is empty: nothing to apply." if not patch else f"{folder.resolve()} holds these changes already."
        )


def artifacts(
    task_id: TaskId,
    download: Annotated[Path | None, typer.Option("--download", metavar="DIR", help="Save them there.")] = None,
    json: JsonOption = False,
    url: UrlOption = None,
) -> None:
    """List a task's artifacts, or download them all."""
    with connect(url) as client:
        found = client.artifacts(task_id)
        if download is not None:
            _download(client, task_id, found, download)
    if json:
        for each in found:
            print_json({"name": each.name, "size": each.size, "sha256": each.sha256})
    elif not found:
        say("The task has no artifacts.")
    elif download is None:
        print_table(("NAME", "SIZE", "SHA256"), ((each.name, size(each.size), each.sha256) for each in found))
    else:
        say(f"Saved {', '.join(each.name for each in found)} in {download}.")


def _patch(client: Client, task_id: str, *, ended: bool) -> bytes:
    for artifact in client.artifacts(task_id):
        if artifact.name == "diff.patch":
            return b"".join(client.download(task_id, artifact))
    raise NotFoundError("The task has no patch." if ended else "The task has no patch yet: it has not ended.")


def _print_patch(patch: bytes) -> None:
    """The very bytes into a pipe or file; coloured, and without control sequences, on a terminal."""
    if not sys.stdout.isatty():
        sys.stdout.buffer.write(patch)
        sys.stdout.buffer.flush()
        return
    console = Console(highlight=False)
    for line in clean(patch.decode(errors="replace"), colours=False).splitlines():
        style = next((style for start, style in _STYLES if line.startswith(start)), "")
        console.print(Text(line, style=style), soft_wrap=True)


def _as_json(patch: bytes) -> dict[str, str]:
    try:
        return {"patch": patch.decode()}
    except UnicodeDecodeError:  # a changed file in another encoding
        return {"patch_base64": base64.b64encode(patch).decode()}


def _download(client: Client, task_id: str, found: tuple[Artifact, ...], folder: Path) -> None:
    """Save every artifact under its own name, each whole or not at all.

    Raises DamagedError for a name that could lead out of the folder, UsageError for a file that would be overwritten.
    """
    for artifact in found:
        if not _SAFE_NAME.fullmatch(artifact.name):
            raise DamagedError(
                f"The server names an artifact {artifact.name!r}, which is no plain file name: not saved."
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for artifact in found:
            _save(client, task_id, artifact, folder / artifact.name)
    except OSError as e:
        raise UsageError(f"{e.filename or folder} can't be written: {e.strerror}.") from e


def _save(client: Client, task_id: str, artifact: Artifact, path: Path) -> None:
    if path.is_symlink() or path.exists():
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == artifact.sha256:
            return
        raise UsageError(f"{path} exists already and is something else: choose another folder.")
    descriptor, part = tempfile.mkstemp(prefix=f".{artifact.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for block in client.download(task_id, artifact):
                file.write(block)
        Path(part).chmod(0o644)
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink()
        raise
