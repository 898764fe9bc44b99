"""Parts of SCF in a process of its own that can be killed: `python -m tests.support.scf_process PART FOLDER`.

PART: queue, instances or deployment. It prints a line when there is something to be killed.
"""

from __future__ import annotations

import asyncio
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

from emulator.scf import Invocation, ScfSettings
from emulator.scf.queue import AsyncQueue, Patience, Target
from tests.support.scf import ANYTHING, APP_ID, UIN, Code, http, packed, run_scf


class _Never:
    """A runner whose events never get through."""

    async def run_event(self, target: Target, event: Any, request_id: str, retries: int) -> Invocation:
        print("under way", flush=True)
        await asyncio.sleep(3600)
        return Invocation(200, request_id)

    def patience(self, target: Target) -> Patience:
        return Patience()


async def _keep_queue(folder: Path) -> None:
    """Hold one event that never gets through, and say so."""
    queue = AsyncQueue(folder / "queue.sqlite", folder / "dead.jsonl", _Never(), 60, (APP_ID, UIN))
    queue.start()
    queue.put(Target("default", "one", "$LATEST"), {"number": 1}, "CLOUD_API")
    queue.put(Target("default", "two", "$LATEST"), {"number": 2}, "CLOUD_API")
    await asyncio.sleep(3600)


def _keep_instances(folder: Path) -> None:
    """Hold one frozen instance and one in the middle of an event, and say so."""
    with run_scf(folder, {"any": Code(settings={"Timeout": 60}), "other": Code()}) as cloud:
        cloud.call("other", {})
        print("frozen", flush=True)
        cloud.call("any", {"code": "import time; print('busy'); time.sleep(50)"}, timeout=60)


def _keep_deployment(folder: Path) -> None:
    """Hold one function that is deployed with all there is, one half made and one half deleted, and say the address."""
    tick = {"TriggerName": "tick", "Type": "timer", "TriggerDesc": "* * * * * * *"}
    with run_scf(folder, {}, layers={"lib": {"lib.py": "WHO = 'layer'"}}) as cloud:
        cloud.deploy("whole", Code(layers=["lib"], triggers=[http(), tick]))
        cloud.api("PublishVersion", FunctionName="whole")
        cloud.api("UpdateAlias", FunctionName="whole", Name="$DEFAULT", FunctionVersion="1")
        cloud.deploy("leaving", Code(triggers=[{**tick, "TriggerName": "other"}]))
    with run_scf(folder, {}, settings=ScfSettings(activation_s=1.5)) as cloud:
        cloud.api("DeleteFunction", FunctionName="leaving")
        code = {"ZipFile": packed({"index.py": textwrap.dedent(ANYTHING)})}
        settings = {"Runtime": "Python3.10", "Handler": "index.main_handler", "Code": code}
        cloud.api("CreateFunction", FunctionName="coming", **settings)
        print(cloud.url("whole"), flush=True)
        time.sleep(3600)


if __name__ == "__main__":
    if sys.argv[1] == "queue":
        asyncio.run(_keep_queue(Path(sys.argv[2])))
    elif sys.argv[1] == "deployment":
        _keep_deployment(Path(sys.argv[2]))
    else:
        _keep_instances(Path(sys.argv[2]))
