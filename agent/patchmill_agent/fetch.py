"""Stage 1 of the pod: bring the code, check it, keep a pristine copy out of the agent's reach.

in   PATCHMILL_SOURCE {"kind":"git","url","ref"} or {"kind":"zip"} with PATCHMILL_SOURCE_URL; PATCHMILL_GIT_SCHEMES;
     PATCHMILL_LIMITS {"max_zip_bytes","max_unpacked_bytes","max_files","timeout_s"}; PATCHMILL_CODE_URL;
     PATCHMILL_PHASE_URLS
out  /app/base/tree (pristine), /app/code (the same plus a usable .git), /app/base/fetch.json, code.tar.gz uploaded;
     on failure only the report and a marker that keeps `run` from starting. The exit code is always 0.
"""

from __future__ import annotations

import errno
import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from patchmill_agent import gitcmd, jsonfile, tree
from patchmill_agent.errors import SourceError, TransferError
from patchmill_agent.events import Events, now, where
from patchmill_agent.folders import Folders, clear, scratch_folder
from patchmill_agent.phases import Phases
from patchmill_agent.transfer import Client


class Settings(NamedTuple):
    """Sizes in bytes. `schemes` are the transports git may use."""

    source: dict[str, Any]
    source_url: str
    code_url: str
    schemes: tuple[str, ...]
    max_zip_bytes: int
    max_unpacked_bytes: int
    max_files: int
    timeout_s: int

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Settings:
        limits = json.loads(env.get("PATCHMILL_LIMITS") or "{}")
        schemes = (env.get("PATCHMILL_GIT_SCHEMES") or "https").split(",")
        return cls(
            source=json.loads(env["PATCHMILL_SOURCE"]),
            source_url=env.get("PATCHMILL_SOURCE_URL", ""),
            code_url=env.get("PATCHMILL_CODE_URL", ""),
            schemes=tuple(scheme.strip() for scheme in schemes if scheme.strip()),
            max_zip_bytes=int(limits.get("max_zip_bytes", 100 << 20)),
            max_unpacked_bytes=int(limits.get("max_unpacked_bytes", 1 << 30)),
            max_files=int(limits.get("max_files", 50_000)),
            timeout_s=int(limits.get("timeout_s", 300)),
        )


class Source(NamedTuple):
    """What was fetched: the commit (Git only) and the files of the pristine tree."""

    commit: str | None
    entries: list[tree.Entry]


def main(env: Mapping[str, str]) -> int:
    folders, events = Folders.of(env), Events("fetch", env)
    phases = Phases(env, events)
    phases.tell("DOWNLOADING_CODE")
    clear(folders.code)  # an init container may be started a second time
    clear(folders.base)
    with scratch_folder() as scratch:
        try:
            settings = Settings.of(env)
            with _time_limit(settings.timeout_s):
                source = fetch(settings, folders, scratch, events)
        except Exception as error:
            _fail(folders, *_reason(error, events), events)
        else:
            size = sum(entry.size for entry in source.entries)
            facts: dict[str, Any] = {"commit": source.commit, "files": len(source.entries), "bytes": size}
            report = {"v": 1, "ok": True, **facts, "started_at": events.started_at}
            jsonfile.write(folders.fetch_report, {**report, "finished_at": now()})
            _store(settings, folders, source, scratch, events)
            jsonfile.write(folders.fetch_report, {**report, "finished_at": now()})
            events.end("source_fetched", **facts)
            phases.tell("RUNNING_AGENT")
    phases.finish()
    return 0


def fetch(settings: Settings, folders: Folders, scratch: Path, events: Events) -> Source:
    """Fill both trees. Raises SourceError."""
    folders.tree.mkdir()
    notes, git_dir = tree.Notes(), folders.code / ".git"
    commit = None
    match settings.source:
        case {"kind": "git", "url": str(url), **rest}:
            from patchmill_agent.gitsource import clone

            ref, limits = rest.get("ref"), (settings.max_unpacked_bytes, settings.max_files)
            commit = clone(url, ref, settings.schemes, git_dir, folders.tree, *limits)
        case {"kind": "zip"}:
            _unpack(settings, folders.tree, scratch, notes)
        case _:
            raise SourceError("the source is neither a Git repository nor a ZIP")
    entries = list(tree.walk(folders.tree, notes))
    dropped = tree.drop_outside_links(folders.tree, entries, notes)
    entries = [entry for entry in entries if entry.path not in dropped]
    if any(entry.path.split(b"/")[0] == folders.fetch_failed.name.encode() for entry in entries):
        raise SourceError(f"the source holds {folders.fetch_failed.name}, a name that Patchmill needs")
    tree.copy(folders.tree, folders.code)
    _make_repository(git_dir, folders.code, dropped)
    for line in notes.lines:
        events.say("note", text=line)
    return Source(commit, entries)


def _unpack(settings: Settings, target: Path, scratch: Path, notes: tree.Notes) -> None:
    from patchmill_agent.archive import Limits, unpack

    client = Client()
    try:
        with (scratch / "code.zip").open("w+b") as file:
            client.download("the ZIP", settings.source_url, file, settings.max_zip_bytes)
            left_out = unpack(file, target, Limits(settings.max_unpacked_bytes, settings.max_files))
    finally:
        client.close()
    if left_out:
        notes.add(".git", f"left out of the ZIP ({left_out} entries)")


def _make_repository(git_dir: Path, code: Path, dropped: set[bytes]) -> None:
    """A `.git` for the agent's own use, at the fetched commit or at one that holds the whole ZIP. We never read it."""
    where: dict[str, Path] = {"git_dir": git_dir, "work_tree": code, "cwd": code}
    if git_dir.exists():
        gitcmd.must(["update-index", "-q", "--refresh"], **where)  # cp changed the inodes
        gone = b"\0".join(sorted(dropped))
        if gone:
            gitcmd.must(["update-index", "--skip-worktree", "-z", "--stdin"], stdin=gone, **where)
        return
    gitcmd.init(git_dir)
    # Every file above one byte goes straight into one pack: thousands of loose objects would take seconds.
    packed = [("core.bigFileThreshold", "1"), ("core.compression", "1")]
    gitcmd.must(["add", "--all", "--force", "--", "."], config=packed, **where)
    gitcmd.must(["commit", "--quiet", "--allow-empty", "-m", "The source as it was uploaded"], **where)


def _store(settings: Settings, folders: Folders, source: Source, scratch: Path, events: Events) -> None:
    """Keep the source beside the task's other objects. The run does not depend on it, so a failure is only said."""
    if not settings.code_url:
        return
    packed, client = scratch / "code.tar.gz", Client()
    try:
        tree.pack(folders.tree, (entry.path for entry in source.entries), packed)
        with packed.open("rb") as file:
            client.put("code.tar.gz", settings.code_url, file, packed.stat().st_size)
    except TransferError as error:
        events.say("source_not_kept", "warning", error=str(error))
    except Exception as error:
        events.say("source_not_kept", "warning", error=f"code.tar.gz could not be made: {type(error).__name__}")
    finally:
        client.close()


def _reason(error: BaseException, events: Events) -> tuple[str, str]:
    """Failure reason and sentence for whatever ended the fetch."""
    if isinstance(error, (SourceError, TransferError)):
        return "SOURCE_ERROR", str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "OUT_OF_DISK", "the disk was full while the source was fetched"
    events.say("fault", "error", error=where(error))
    return "INTERNAL", f"the source could not be fetched: {type(error).__name__}"


def _fail(folders: Folders, reason: str, message: str, events: Events) -> None:
    events.end("source_refused", "warning", reason=reason, error=message)
    clear(folders.code)
    clear(folders.base)
    folders.fetch_failed.write_text(message)
    times = {"started_at": events.started_at, "finished_at": now()}
    jsonfile.write(folders.fetch_report, {"v": 1, "ok": False, "reason": reason, "message": message[:1000], **times})


@contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    """Raises SourceError in the middle of whatever is going on. Only in the main thread of the fetch container."""

    def strike(_signal: int, _frame: FrameType | None) -> None:
        raise SourceError(f"fetching the source took longer than {seconds} seconds")

    signal.signal(signal.SIGALRM, strike)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
