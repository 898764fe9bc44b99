"""A ZIP dropped at drops/<tenant>/<name>.zip becomes a task.

in   one record of a COS event; it may come twice, late, or for an object that is gone again
out  a task QUEUED, or FAILED with a reason when the drop can't be worked on: both write to results/<tenant>/<name>/

The prompt: x-cos-meta-prompt, else <name>.md beside the ZIP, else TASK.md inside it.
"""

from __future__ import annotations

import hashlib
import lzma
import struct
import zipfile
import zlib
from typing import IO, cast
from urllib.parse import unquote

from ulid import ULID

from patchmill import keys, log, relay, tracing
from patchmill.adapters.cos import Head, RangeFile
from patchmill.events import CosRecord
from patchmill.services import Services
from patchmill.task import Limits, NewTask, Reason, failed
from submit import requests
from submit.accept import accept as accept_task

_DIRECTORY_BUDGET = 16 << 20
# What zipfile raises for methods, passwords and numbers that it can't work with, and for an end that comes too early.
_REFUSED = (ValueError, NotImplementedError, RuntimeError, EOFError, OverflowError)


def accept(record: CosRecord, services: Services) -> None:
    """Raises Unavailable when a hop is down: the platform brings the event again."""
    parsed = keys.parse_drop(record.key)
    if record.bucket != services.settings.code_bucket or parsed is None:
        _park(record, "not a drop of the form drops/<tenant>/<name>.zip", services)
        return
    tenant, name = parsed
    if tenant not in services.settings.tenants:
        _park(record, "no API key names this tenant", services)
        return
    head = services.code.head(record.key)
    if head is None:
        log.info("drop_gone", tenant=tenant)
        return
    prompt, problem = _prompt(record.key, head, services)
    new = _new_task(record.key, tenant, name, head, prompt, services)
    problem = problem or _unusable(new, head, services)
    if problem is None:
        accept_task(new, services)
        return
    _refuse(new, problem, services)


def _park(record: CosRecord, cause: str, services: Services) -> None:
    digest = hashlib.sha256(record.key.encode()).hexdigest()
    if services.dead_letters.park(f"cos:{record.bucket}", digest, cause, record.key):
        log.warning("drop_parked", cause=cause)


def _prompt(key: str, head: Head, services: Services) -> tuple[str, str | None]:
    """(prompt, None), or ("", what is wrong)."""
    if text := head.meta.get("prompt"):
        return unquote(text), None  # headers are ASCII: anything else comes percent-encoded
    beside = services.code.get(key.removesuffix(".zip") + ".md", requests.MAX_PROMPT + 1)
    if beside:
        return beside.decode("utf-8", "replace"), None
    try:
        with zipfile.ZipFile(cast(IO[bytes], RangeFile(services.code, key, head.size, _DIRECTORY_BUDGET))) as archive:
            info = archive.getinfo("TASK.md")
            with archive.open(info) as file:
                return file.read(requests.MAX_PROMPT + 1).decode("utf-8", "replace"), None
    except KeyError:
        return "", "There is no prompt: set x-cos-meta-prompt, or put <name>.md beside the ZIP, or TASK.md into it."
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, *_REFUSED):
        return "", "The dropped file is not a readable ZIP."


def _new_task(key: str, tenant: str, name: str, head: Head, prompt: str, services: Services) -> NewTask:
    settings = services.settings
    agent = head.meta.get("agent") or settings.default_agent
    model = None if agent == "command" else head.meta.get("model") or settings.model_name
    # One drop is one task, however often its event comes; dropping anew makes a new one.
    once = hashlib.sha256(f"{key}\n{head.etag}\n{head.modified}".encode()).hexdigest()
    return NewTask(
        id=str(ULID()),
        tenant=tenant,
        agent=agent[:32].encode("ascii", "replace").decode(),
        model=model[:100] if model else None,
        prompt=prompt[: requests.MAX_PROMPT + 1],
        source={"kind": "drop", "key": key},
        limits=Limits(settings.task_timeout_s, settings.max_steps),
        drop=name,
        idempotency_key=f"drop:{once}",
        request_hash=once,
        trace_id=tracing.new().trace_id,
    )


def _unusable(new: NewTask, head: Head, services: Services) -> str | None:
    settings = services.settings
    if head.size > settings.max_zip_bytes:
        return f"The ZIP is {head.size} bytes; at most {settings.max_zip_bytes} are taken."
    if new.agent not in settings.agents:
        return f"x-cos-meta-agent must be one of {', '.join(settings.agents)}."
    if new.agent != "command" and new.model is None:
        return "Set x-cos-meta-model: this installation has no default model."
    problem = requests.check_prompt(new.prompt)
    return f"The prompt {problem}." if problem else None


def _refuse(new: NewTask, problem: str, services: Services) -> None:
    """The only way to tell somebody who dropped a file: a task that has failed, with its sentence in the results."""
    task, created = services.tasks.create(new)
    if not created and task.status.terminal:
        return
    ended = services.tasks.finish(task.id, task.attempt, failed(Reason.SOURCE_ERROR, problem))
    if ended:
        services.traces.submitted(ended)
        relay.announce(ended, services)
        log.info("drop_refused", task=task.id, tenant=task.tenant)
