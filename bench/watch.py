"""When things happened in the cluster and in the functions, as seen from outside. For bench/road.py.

The cluster's own times are whole seconds, so a watch on Jobs and pods is kept open and each change is timed at its
arrival (well under a millisecond after it was written). What a function did is in its log, with milliseconds.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

NAMESPACE = "patchmill"
MAX_S = 1800
_REPORT = re.compile(r"^Report RequestId: \S+ Duration:(\d+)ms", re.MULTILINE)


class ClusterWatch:
    """Watches in two threads that end with this process. `when` is filled while they run."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._server, self._headers = cluster["server"], {"Authorization": f"Bearer {user['token']}"}
        self._tls = ssl.create_default_context(cadata=authority)
        self._changed = threading.Condition()
        self._when: dict[tuple[str, str], float] = {}
        for path in ("apis/batch/v1", "api/v1"):
            threading.Thread(target=self._follow, args=(path,), daemon=True).start()

    def wait(self, task_id: str, step: str, seconds: float = 60.0) -> float:
        """Unix time of a step of the task: `job`, or `<container>.running` and `.terminated`. Exits when it is late."""
        key = (task_id, step)
        with self._changed:
            if not self._changed.wait_for(lambda: key in self._when, seconds):
                raise SystemExit(f"task {task_id}: no {step} within {seconds:g} s")
            return self._when[key]

    def _follow(self, api: str) -> None:
        kind = "jobs" if "batch" in api else "pods"
        url = f"{self._server}/{api}/namespaces/{NAMESPACE}/{kind}"
        with (
            httpx.Client(verify=self._tls, headers=self._headers, trust_env=False, timeout=MAX_S) as http,
            http.stream("GET", url, params={"watch": "1", "timeoutSeconds": str(MAX_S)}) as stream,
        ):
            for line in stream.iter_lines():
                self._note(time.time(), json.loads(line)["object"])

    def _note(self, now: float, obj: dict[str, Any]) -> None:
        task_id = obj["metadata"].get("labels", {}).get("patchmill/task", "").upper()
        status = obj.get("status", {})
        steps = ["job"] if obj["kind"] == "Job" else []
        for entry in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
            steps += [f"{entry['name']}.{state}" for state in entry["state"] if state != "waiting"]
        with self._changed:
            for step in steps:
                self._when.setdefault((task_id, step), now)
            self._changed.notify_all()


def invocations(log: str, event: str) -> dict[str, float]:
    """Task id → when the invocation that logged `event` for it began, as Unix time.

    The platform's lines carry no time, but each invocation's duration: the begin is that much before the line. Holds
    when the event is the last thing that the invocation does, as it is for a batch of one.
    """
    found: dict[str, float] = {}
    for block in log.split("START RequestId: "):
        report = _REPORT.search(block)
        lines = [json.loads(line) for line in block.splitlines() if line.startswith('{"ts"')]
        for line in lines:
            if line["event"] == event and report:
                found[line["task"]] = line["ts"] - int(report[1]) / 1000
    return found
