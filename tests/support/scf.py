"""The SCF stand-in for tests: functions given as source text, deployed through its API, run by the real runtime."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator import toolchain
from emulator.api import models
from emulator.api.action import Call
from emulator.documents import Documents
from emulator.listen import LoopThread
from emulator.scf import Invocation, Scf, ScfSettings
from tests.support.scf_surroundings import Ports, Roles

PROJECT = Path(__file__).resolve().parents[2]
REGION, APP_ID, UIN = "ap-guangzhou", "1250000000", "100000000001"
KAFKA = "ckafka-test"
ROLE = "functions"
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
    """A function: its index.py, further files, and parameters of CreateFunction and of a CreateTrigger each.

    `layers` are names of those that `run_scf` was given.
    """

    text: str = ANYTHING
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    layers: Sequence[str] = ()
    triggers: Sequence[Mapping[str, Any]] = ()


@dataclass
class Cloud:
    """A running Scf. `records` is what it sent to CLS, by topic."""

    scf: Scf
    loop: LoopThread
    folder: Path
    roles: Roles
    records: list[tuple[str, dict[str, Any]]]

    def api(self, action: str, **params: Any) -> dict[str, Any]:
        """One action, its parameters and its answer checked as by the API's server. Raises ApiError."""

        async def act() -> dict[str, Any]:
            service = self.scf.service
            models.check_request(service.name, service.version, action, params)
            answer = await service.actions[action].handler(Call("AKIDtest", "scf", action, REGION, "id"), params)
            models.check_answer(service.name, service.version, action, answer)
            return answer

        return self.loop.run(act())

    def deploy(self, name: str, code: Code, **params: Any) -> None:
        """CreateFunction, and CreateTrigger for each."""
        bound = [{"LayerName": layer, "LayerVersion": 1} for layer in code.layers]
        settings = {"Timeout": 10, **code.settings, **params}
        if bound:
            settings["Layers"] = bound
        self.api(
            "CreateFunction",
            FunctionName=name,
            Runtime="Python3.10",
            Handler="index.main_handler",
            Code={"ZipFile": packed({"index.py": code.text, **code.files})},
            **settings,
        )
        until(lambda: self.api("GetFunction", FunctionName=name)["Status"] == "Active")
        for trigger in code.triggers:
            self.api("CreateTrigger", FunctionName=name, **trigger)

    def update(self, name: str, text: str, **files: str) -> None:
        """New code for $LATEST."""
        code = {"ZipFile": packed({"index.py": text, **files})}
        self.api("UpdateFunctionCode", FunctionName=name, Code=code)
        until(lambda: self.api("GetFunction", FunctionName=name)["Status"] == "Active")

    def call(self, function: str, event: Any = None, timeout: float = 30, *, qualifier: str = "$LATEST") -> Invocation:
        return self.loop.run(self.scf.invoke("default", function, qualifier, event), timeout)

    def run(self, function: str, code: str, *, qualifier: str = "$LATEST") -> Any:
        """What `result` is after `code` has run in an instance of a function that does ANYTHING."""
        invocation = self.call(function, {"code": textwrap.dedent(code)}, qualifier=qualifier)
        assert invocation.ok, invocation
        return invocation.result

    def log(self, function: str) -> str:
        """What it has logged so far."""
        path = self.folder / "logs" / "functions" / f"{function}.log"
        return path.read_text() if path.exists() else ""

    def url(self, function: str) -> str:
        """The address of its Function URL."""
        triggers = self.api("ListTriggers", FunctionName=function)["Triggers"]
        (desc,) = (json.loads(trigger["TriggerDesc"]) for trigger in triggers if trigger["Type"] == "http")
        address: str = desc["NetConfig"]["ExtranetUrl"]
        return address


def http(name: str = "url", **desc: Any) -> dict[str, Any]:
    """Parameters of CreateTrigger for an open Function URL."""
    whole = {"AuthType": "NONE", "NetConfig": {"EnableExtranet": True, "EnableIntranet": True}, **desc}
    return {"TriggerName": name, "Type": "http", "TriggerDesc": json.dumps(whole)}


def cos_rule(bucket: str, event: str, prefix: str = "", suffix: str = "") -> dict[str, Any]:
    desc = {"event": event, "filter": {"Prefix": prefix, "Suffix": suffix}}
    host = f"{bucket}.cos.{REGION}.myqcloud.com"
    return {"TriggerName": host, "Type": "cos", "TriggerDesc": json.dumps(desc)}


def packed(files: Mapping[str, str]) -> str:
    """A ZIP of these texts, in Base64."""
    return base64.b64encode(zipped(files)).decode()


def zipped(files: Mapping[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), textwrap.dedent(text))  # without a time: equal for equal texts
    return data.getvalue()


def _nowhere(bucket: str, key: str) -> Path | None:
    return None


@contextmanager
def run_scf(
    folder: Path,
    functions: Mapping[str, Code],
    *,
    layers: Mapping[str, Mapping[str, str]] | None = None,
    kafka: str = "127.0.0.1:1",
    settings: ScfSettings | None = None,
    read_object: Callable[[str, str], Path | None] = _nowhere,
    before_start: Callable[[], None] = lambda: None,
) -> Iterator[Cloud]:
    """A platform in `folder`; what was deployed there before is there, what is named here is deployed besides."""
    (folder / "services").mkdir(exist_ok=True)
    documents, roles, ports = Documents(folder / "platform.sqlite"), Roles(), Ports(folder / "ports.json")
    records: list[tuple[str, dict[str, Any]]] = []
    scf = Scf(
        documents=documents,
        root=folder / "scf",
        python=toolchain.load(PROJECT).runtime_python,
        account=roles,
        kafka={KAFKA: kafka},
        sockets=folder / "services",
        settings=settings or ScfSettings(),
        region=REGION,
        app_id=APP_ID,
        uin=UIN,
        urls=ports,
        read_object=read_object,
        log_sink=lambda topic, record: records.append((topic, record)),
    )
    loop = LoopThread()
    try:
        before_start()
        loop.run(scf.start())
        cloud = Cloud(scf, loop, folder, roles, records)
        for name, files in (layers or {}).items():
            content = {"ZipFile": packed(files)}
            cloud.api("PublishLayerVersion", LayerName=name, CompatibleRuntimes=["Python3.10"], Content=content)
        for name, code in functions.items():
            cloud.deploy(name, code)
        yield cloud
    finally:
        loop.run(scf.stop())
        loop.run(ports.stop())
        loop.close()
        documents.close()


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
    """Those that run in sandboxes of this function, bubblewrap itself left out."""
    code, name, found = str(folder / "scf" / "code").encode(), f"SCF_FUNCTIONNAME={function}\0".encode(), []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            mounted, started = (place / "mountinfo").read_bytes(), (place / "environ").read_bytes()
            if code in mounted and name in started and b"bwrap" not in (place / "cmdline").read_bytes()[:20]:
                found.append(int(place.name))
    return found
