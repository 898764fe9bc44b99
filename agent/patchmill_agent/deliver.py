"""Stage 3 of the pod: make the patch, store every artifact, and the manifest last. What the agent left is hostile.

in   /app/base (fetch's report and the pristine tree), /app/code and /app/output as the agent left them;
     PATCHMILL_UPLOADS, PATCHMILL_PHASE_URLS, PATCHMILL_AGENT, PATCHMILL_MODEL, PATCHMILL_TASK_ID, PATCHMILL_ATTEMPT,
     PATCHMILL_LIMITS {"max_patch_bytes","max_output_bytes","max_log_bytes"}
out  the artifacts and manifest.json in object storage. The exit code is 0 once the manifest is there, whatever it says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from patchmill_agent import diff, jsonfile, manifest, tree
from patchmill_agent.errors import PatchError, TransferError
from patchmill_agent.events import Events, now, where
from patchmill_agent.folders import Folders, scratch_folder
from patchmill_agent.manifest import Outcome, Report
from patchmill_agent.phases import Phases
from patchmill_agent.uploads import Uploads

OWN_FILES = frozenset({b"agent.log", b"prompt.txt", b"result.json"})
MAX_OUTPUT_FILES = 20_000
MAX_PROMPT_BYTES = 256 << 10


class Limits(NamedTuple):
    """Sizes in bytes. `max_output_bytes` is counted before packing."""

    max_patch_bytes: int
    max_output_bytes: int
    max_log_bytes: int

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Limits:
        given = json.loads(env.get("PATCHMILL_LIMITS") or "{}")
        return cls(
            int(given.get("max_patch_bytes", 10 << 20)),
            int(given.get("max_output_bytes", 100 << 20)),
            int(given.get("max_log_bytes", 64 << 20)),
        )


def main(env: Mapping[str, str]) -> int:
    folders, events = Folders.of(env), Events("deliver", env)
    phases = Phases(env, events)
    phases.tell("UPLOADING")
    uploads = Uploads(json.loads(env.get("PATCHMILL_UPLOADS") or "{}"))
    with scratch_folder() as scratch:
        delivery = Delivery(folders, scratch, Limits.of(env), uploads, events)
        whole = delivery.run(manifest.identity(env))
    try:
        uploads.finish(json.dumps(whole, ensure_ascii=False).encode())
        _tell(whole, events)
    except TransferError as error:
        events.end("not_delivered", "error", error=str(error))
        return 1
    finally:
        phases.finish()
    return 0


class Delivery:
    """One delivery. Each step that fails makes the outcome worse and lets the next one run."""

    def __init__(self, folders: Folders, scratch: Path, limits: Limits, uploads: Uploads, events: Events) -> None:
        self._folders, self._scratch, self._limits, self._uploads = folders, scratch, limits, uploads
        self._events = events
        self._outcome = Outcome(None, "")
        self._patch = {"files": 0, "insertions": 0, "deletions": 0}

    def run(self, who: Mapping[str, object]) -> dict[str, Any]:
        """Store all artifacts and return the manifest that describes them."""
        fetch, result = jsonfile.read(self._folders.fetch_report), jsonfile.read(self._folders.output / "result.json")
        self._outcome = manifest.judge(fetch, result)
        self._step("the log could not be stored", self._store_log)
        if fetch and fetch.get("ok") is True:
            self._step("the patch could not be made", self._store_patch)
            self._step("the outputs could not be packed", self._store_outputs)
            self._step("the result could not be stored", lambda: self._store_result(result, who))
        cleaned = manifest.clean_result(result, self._outcome, who)
        stages = manifest.stages(fetch, cleaned, self._events.started_at, now())
        return manifest.build(cleaned, who, fetch, self._patch, self._uploads.artifacts, stages)

    def _step(self, what: str, action: Callable[[], None]) -> None:
        try:
            action()
        except PatchError as error:
            self._outcome = self._outcome.failed(error.reason, str(error))
        except TransferError as error:
            self._outcome = self._outcome.failed("INTERNAL", str(error))
        except Exception as error:
            self._events.say("fault", "error", error=where(error))
            self._outcome = self._outcome.failed("INTERNAL", f"{what}: {type(error).__name__}")

    def _store_log(self) -> None:
        self._uploads.add_file("agent.log", self._folders.output / "agent.log", self._limits.max_log_bytes)
        self._uploads.add_file("prompt.txt", self._folders.output / "prompt.txt", MAX_PROMPT_BYTES)

    def _store_patch(self) -> None:
        notes = tree.Notes()
        try:
            patch = diff.make(
                self._folders.tree, self._folders.code, self._scratch, self._limits.max_patch_bytes, notes
            )
        except Exception:
            self._uploads.add("diff.patch", b"")  # the source was good, so there is always a patch to look at
            raise
        finally:
            for line in notes.lines:
                self._events.say("note", text=line)
        self._uploads.add_file("diff.patch", patch.path, self._limits.max_patch_bytes)
        self._patch = {"files": patch.files, "insertions": patch.insertions, "deletions": patch.deletions}

    def _store_outputs(self) -> None:
        """Pack what the agent left beside the log, regular files only: a link could lead anywhere."""
        notes = tree.Notes()
        found = [entry for entry in tree.walk(self._folders.output, notes) if entry.mode != tree.LINK]
        found = [
            entry for entry in found if entry.path not in OWN_FILES and not entry.path.startswith(b".result.json.")
        ]
        if not found:
            return
        size = sum(entry.size for entry in found)
        if size > self._limits.max_output_bytes or len(found) > MAX_OUTPUT_FILES:
            said = f"the output folder holds {size} bytes in {len(found)} files, the limit is"
            raise PatchError(
                "OUTPUT_TOO_LARGE", f"{said} {self._limits.max_output_bytes} bytes in {MAX_OUTPUT_FILES} files"
            )
        packed = self._scratch / "output.tar.gz"
        tree.pack(self._folders.output, (entry.path for entry in found), packed)
        self._uploads.add_file("output.tar.gz", packed, packed.stat().st_size)

    def _store_result(self, result: Report | None, who: Mapping[str, object]) -> None:
        cleaned = manifest.clean_result(result, self._outcome, who)
        self._uploads.add("result.json", json.dumps(cleaned, ensure_ascii=False).encode())


def _tell(whole: Mapping[str, Any], events: Events) -> None:
    """The agent's end, and our own. A message may quote what the agent wrote, so it stays in the manifest."""
    if "agent" in whole["stages"]:
        about = {key: whole[key] for key in ("agent", "model", "exit_code")}
        events.say("agent_ended", **about, **whole["usage"], duration_s=manifest.seconds(whole["stages"]["agent"]))
    events.end("delivered", status=whole["status"], reason=whole["reason"], **whole["patch"])
