"""One git command, with nothing of its surroundings: no system or user configuration, no hook, no prompt, no helper.

The rules and why each is there: reliability facts, section 5 ("Git"). Every call names its own repository by GIT_DIR,
so git never goes looking for one in a folder that a stranger filled.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

# From the container's environment git gets only what it takes to reach a server through the cluster's proxy.
_PASSED = ("PATH", "http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")

_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.autocrlf": "false",
    "core.fileMode": "true",
    "core.quotePath": "false",
    "core.fsync": "none",  # a pod's volume does not outlive the pod
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "safe.directory": "*",  # an emptyDir belongs to root, the container runs as uid 1000
    "protocol.file.allow": "never",
    "transfer.fsckObjects": "true",
    "fetch.fsck.zeroPaddedFilemode": "ignore",  # old but harmless commits of well-known repositories
    "fetch.fsck.badTimezone": "ignore",
    "fetch.fsck.missingSpaceBeforeDate": "ignore",
    "http.followRedirects": "false",  # a redirect could lead inside the network
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "submodule.recurse": "false",
    "user.name": "Patchmill",
    "user.email": "patchmill@localhost",
}

# No conversion of contents in either direction: what git stores is what lies in the tree. info/attributes outranks
# every .gitattributes file (gitattributes(5)), so no filter, line-ending or text-conversion rule of the source counts.
RAW_ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding !diff !merge !export-subst !export-ignore\n"


class Done(NamedTuple):
    """How a git command ended; `error` is the end of what it wrote to stderr."""

    code: int
    output: bytes
    error: str


class GitFailed(Exception):
    """A git command that had to work did not."""


def run(
    arguments: Sequence[str | Path],
    *,
    git_dir: Path | None,
    work_tree: Path | None = None,
    cwd: Path | None = None,
    stdin: BinaryIO | bytes = b"",
    output: BinaryIO | None = None,
    schemes: Sequence[str] = (),
    config: Sequence[tuple[str, str]] = (),
) -> Done:
    """Run git and wait. `schemes`: transports it may use (none: it stays offline). `output`: a file, not memory."""
    options = [text for key, value in [*_CONFIG.items(), *config] for text in ("-c", f"{key}={value}")]
    process = subprocess.Popen(
        ["git", *options, *arguments],
        env=_environment(git_dir, work_tree, schemes) | ({"GIT_CEILING_DIRECTORIES": str(cwd.parent)} if cwd else {}),
        cwd=cwd or git_dir or "/",
        stdin=subprocess.PIPE if isinstance(stdin, bytes) else stdin,
        stdout=output or subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        written, error = process.communicate(stdin if isinstance(stdin, bytes) else None)
    finally:
        if process.poll() is None:  # a time limit struck: git's transport helpers are in its process group
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return Done(process.returncode, written or b"", error[-8192:].decode("utf-8", "replace"))


def must(arguments: Sequence[str | Path], **options: object) -> bytes:
    """Like `run`, for commands that can fail only through our own fault. Raises GitFailed."""
    done = run(arguments, **options)  # type: ignore[arg-type]
    if done.code != 0:
        raise GitFailed(f"git {arguments[0]} ended with {done.code}: {done.error.strip()[-300:]}")
    return done.output


def init(git_dir: Path) -> None:
    """Make an empty repository that converts nothing, as gitrepository-layout(5) says, without starting git for it."""
    for folder in ("objects", "refs/heads", "info"):
        (git_dir / folder).mkdir(parents=True, exist_ok=True)
    (git_dir / "HEAD").write_text("ref: refs/heads/patchmill\n")
    (git_dir / "config").write_text(
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n"
    )
    (git_dir / "info" / "attributes").write_text(RAW_ATTRIBUTES)


def _environment(git_dir: Path | None, work_tree: Path | None, schemes: Sequence[str]) -> dict[str, str]:
    env = {name: os.environ[name] for name in _PASSED if name in os.environ}
    env |= {
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": ":".join(schemes),
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_OPTIONAL_LOCKS": "0",
    }
    if git_dir:
        env["GIT_DIR"] = str(git_dir)
    if work_tree:
        env["GIT_WORK_TREE"] = str(work_tree)
    return env
