"""The emulated cloud API on a free port, and the official SDK's clients for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from tencentcloud.common import credential
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from emulator.account import Account
from emulator.api.action import Service
from emulator.api.cam import Cam
from emulator.api.faults import Faults
from emulator.api.policies import Policies
from emulator.api.roles import Roles
from emulator.api.server import Hooks, Recorded, create_app
from emulator.api.sts import Sts
from emulator.credentials import Credential
from emulator.documents import Documents
from emulator.listen import LoopThread, serve

REGION, APP_ID, UIN = "ap-guangzhou", "1250000000", "100000000001"
OWNER = Credential("AKIDowner", "owners-secret-key")
VERSIONS = {
    "scf": "2018-04-16",
    "cam": "2019-01-16",
    "sts": "2018-08-13",
    "ssm": "2019-09-23",
    "tke": "2018-05-25",
    "ckafka": "2019-08-19",
    "cls": "2020-10-16",
}


class Api:
    """A running API. Everything it answered is in `recorded`; `hooks` and `faults` may be changed while it runs."""

    def __init__(self, port: int, account: Account, documents: Documents, faults: Faults, hooks: Hooks) -> None:
        self.endpoint = f"127.0.0.1:{port}"
        self.account, self.documents, self.faults, self.hooks = account, documents, faults, hooks
        self.recorded: list[Recorded] = []
        hooks.record = self.recorded.append

    def profile(self) -> ClientProfile:
        return ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=self.endpoint, reqMethod="POST"))

    def client(self, service: str, who: Credential = OWNER, *, region: str = REGION) -> CommonClient:
        keys = credential.Credential(who.secret_id, who.secret_key, who.token)
        return CommonClient(service, VERSIONS[service], keys, region, self.profile())

    def call(self, service: str, action: str, who: Credential = OWNER, /, **params: Any) -> dict[str, Any]:
        """The answer's Response. Raises TencentCloudSDKException."""
        answer: dict[str, Any] = self.client(service, who).call_json(action, params)["Response"]
        return answer

    def refusal(self, service: str, action: str, who: Credential = OWNER, /, **params: Any) -> str:
        """The code of the error that the call is refused with."""
        try:
            self.call(service, action, who, **params)
        except TencentCloudSDKException as e:
            return str(e.code)
        raise AssertionError(f"{service} {action} was not refused")


class _Host:
    """A listener that outlives the test: closing one takes a fifth of a second, and there are many tests."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self._loop = LoopThread()
        self._listener = self._loop.run(serve(self))
        self.port = self._listener.port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


_idle: list[_Host] = []


@contextmanager
def serving(
    *services: Service, documents: Documents | None = None, account: Account | None = None, faults: Faults | None = None
) -> Iterator[Api]:
    """The API with CAM, STS and the given services, which share `documents` and `account` when they are given."""
    documents = documents or Documents(None)
    account = account or Account(documents, OWNER, app_id=APP_ID, uin=UIN)
    faults, hooks = faults or Faults(), Hooks()
    host = _idle.pop() if _idle else _Host()
    host.app = create_app([*identity(documents, account), *services], account, REGION, faults, hooks)
    try:
        yield Api(host.port, account, documents, faults, hooks)
    finally:
        _idle.append(host)


def identity(documents: Documents, account: Account) -> Sequence[Service]:
    """CAM and STS over the same documents."""
    roles = Roles(documents, account)
    return [Cam(account, roles, Policies(documents, account, roles)), Sts(account, roles)]


def trust(*, service: str | None = None, qcs: str | None = None) -> dict[str, Any]:
    """A trust policy that names a platform service or an identity."""
    principal = {"service": [service]} if service else {"qcs": [qcs]}
    statement = {"effect": "allow", "action": ["name/sts:AssumeRole"], "principal": principal}
    return {"version": "2.0", "statement": [statement]}


def policy(action: str | list[str], resource: str | list[str] = "*", effect: str = "allow") -> dict[str, Any]:
    """A policy of one statement."""
    return {"version": "2.0", "statement": [{"effect": effect, "action": action, "resource": resource}]}
