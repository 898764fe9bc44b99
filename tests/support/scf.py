"""The SCF stand-in for tests: functions given as source text, run by the real runtime in real sandboxes.

`python -m tests.support.scf queue|instances FOLDER` runs a part in a process of its own that can be killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator import toolchain
from emulator.credentials import Credential
from emulator.listen import LoopThread, serve
from emulator.scf import Declaration, Invocation, Runtime, Scf, ScfSettings, load
from emulator.scf.queue import AsyncQueue

PROJECT = Path(__file__).resolve().parents[2]
ROLE = Credential("AKIDofTheRole", "key-of-the-role", "token-of-the-role")
# A handler that runs the Python it is sent: `result` is what it answers, `calls` how often this instance was used.
ANYTHING = """
    calls = 0

    def main_handler(event, context):
        global calls
        calls += 1
        scope = {"event": event, "context": context, "calls": calls}
        exec(event.get("code", ""), scope)
        return scope.get("result")
"""


@dataclass(frozen=True)
class Code:
    """A function: the text of its index.py, and what serverless.yml says of it besides."""

    text: str = ANYTHING
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Cloud:
    """A running Scf."""

    scf: Scf
    loop: LoopThread
    folder: Path

    def call(self, function: str, event: Any = None, timeout: float = 30) -> Invocation:
        return self.loop.run(self.scf.invoke(function, event), timeout)

    def run(self, function: str, code: str) -> Any:
        """What `result` is after `code` has run in an instance of a function that does ANYTHING."""
        invocation = self.call(function, {"code": textwrap.dedent(code)})
        assert invocation.ok, invocation
        return invocation.result

    def log(self, function: str) -> str:
        return (self.folder / "logs" / "functions" / f"{function}.log").read_text()

    @contextmanager
    def url(self, function: str) -> Iterator[str]:
        async def listen() -> Any:
            return await serve(await self.scf.url_app(function))

        listener = self.loop.run(listen())
        yield f"http://127.0.0.1:{listener.port}"
        self.loop.run(listener.close())


def write_project(folder: Path, functions: Mapping[str, Code], layers: Mapping[str, Mapping[str, str]]) -> Path:
    """A serverless.yml (JSON is YAML) with its folders; returns the file."""
    for name, code in functions.items():
        write(folder / "functions" / name, {"index.py": code.text, **code.files})
    for name, files in layers.items():
        write(folder / "layers" / name, files)
    document = {
        "service": "tests",
        "provider": {"name": "tencent", "runtime": "Python3.10", "region": "ap-guangzhou", "timeout": 10},
        "layers": {name: {"path": f"layers/{name}"} for name in layers},
        "functions": {
            name: {"handler": "index.main_handler", "path": f"functions/{name}", **code.settings}
            for name, code in functions.items()
        },
    }
    (folder / "serverless.yml").write_text(json.dumps(document))
    return folder / "serverless.yml"


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))


def build(folder: Path, declaration: Declaration, kafka: str, settings: ScfSettings) -> Scf:
    layers = {name: folder / layer.path for name, layer in declaration.layers.items()}
    (folder / "services").mkdir(exist_ok=True)
    return Scf(
        declaration,
        project=folder,
        root=folder / "scf",
        runtime=Runtime(toolchain.load(PROJECT).runtime_python, layers),
        role=ROLE,
        kafka_bootstrap=kafka,
        sockets=folder / "services",
        settings=settings,
    )


@contextmanager
def run_scf(
    folder: Path,
    functions: Mapping[str, Code],
    *,
    layers: Mapping[str, Mapping[str, str]] | None = None,
    kafka: str = "127.0.0.1:1",
    settings: ScfSettings | None = None,
) -> Iterator[Cloud]:
    declaration = load(write_project(folder, functions, layers or {}), {}, {})
    scf, loop = build(folder, declaration, kafka, settings or ScfSettings()), LoopThread()
    try:
        loop.run(scf.start())
        yield Cloud(scf, loop, folder)
    finally:
        loop.run(scf.stop())
        loop.close()


def until(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """What `condition` says as soon as that is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)
    return found


def inner(cloud: Cloud, function: str = "any") -> list[int]:
    return processes(cloud.folder, function)


def processes(folder: Path, function: str) -> list[int]:
    """Those that run in sandboxes with this function's code, bubblewrap itself left out."""
    code, found = str(folder / "scf" / "code" / function).encode(), []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if code in (place / "mountinfo").read_bytes() and b"bwrap" not in (place / "cmdline").read_bytes()[:20]:
                found.append(int(place.name))
    return found


async def _keep_queue(folder: Path) -> None:
    """Hold one event that never gets through, and say so."""

    async def never(function: str, event: Any) -> Invocation:
        print("under way", flush=True)
        await asyncio.sleep(3600)
        return Invocation(200, "")

    queue = AsyncQueue(folder / "queue.sqlite", folder / "dead.jsonl", never, 60)
    queue.start()
    queue.put("one", {"number": 1})
    queue.put("two", {"number": 2})
    await asyncio.sleep(3600)


def _keep_instances(folder: Path) -> None:
    """Hold one frozen instance and one in the middle of an event, and say so."""
    with run_scf(folder, {"any": Code(settings={"timeout": 60}), "other": Code()}) as cloud:
        cloud.call("other", {})
        print("frozen", flush=True)
        cloud.call("any", {"code": "import time; print('busy'); time.sleep(50)"}, timeout=60)


if __name__ == "__main__":
    if sys.argv[1] == "queue":
        asyncio.run(_keep_queue(Path(sys.argv[2])))
    else:
        _keep_instances(Path(sys.argv[2]))
