"""The cloud API's one endpoint: a signed POST in, {"Response": {…, "RequestId"}} out, always with HTTP 200.

In this order, as far as the platform is known: form of the request, signature, action, region, parameters against the
SDK's models, throttling, CAM, the handler, the answer against the SDK's models.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.account import Account
from emulator.api import models, signature
from emulator.api.action import ApiError, Call, Params, Service
from emulator.api.faults import Faults

log = logging.getLogger("emulator.api")
# https://cloud.tencent.com/document/api/598/33159: the body of a signed POST.
MAX_BODY = 10 * 1024 * 1024
# CAM is the same in all regions; its requests need not name one.
WITHOUT_REGION = frozenset({"cam"})


@dataclass
class Recorded:
    """One request that was understood, and once it is answered: the refusal's code, or None when it was done.

    `resource` is what CAM was asked about, "" when it did not come to that. `params` are shown by no repr: they hold
    secrets.
    """

    service: str
    version: str
    action: str
    region: str
    request_id: str
    secret_id: str
    params: Params = field(repr=False)
    resource: str = ""
    code: str | None = None


def _nothing(recorded: Recorded) -> None:
    pass


@dataclass
class Hooks:
    """Called for each request: `record` when it is answered, `before` and `after` around the handler.

    One that raises ApiError has that answered instead: `before`, and nothing was done; `after`, and all of it was.
    """

    record: Callable[[Recorded], None] = _nothing
    before: Callable[[Recorded], None] = _nothing
    after: Callable[[Recorded], None] = _nothing


def create_app(
    services: Sequence[Service],
    account: Account,
    region: str,
    faults: Faults | None = None,
    hooks: Hooks | None = None,
) -> ASGIApp:
    """Raises LookupError when a service has an action whose required parameters are not in schema/required.json."""
    for service in services:
        unknown = set(service.actions) - models.served(service.name, service.version)
        if unknown:
            raise LookupError(f"schema/required.json lacks {service.name} {', '.join(sorted(unknown))}")
    return _Server({s.name: s for s in services}, account, region, faults or Faults(), hooks or Hooks())


class _Server:
    def __init__(
        self, services: Mapping[str, Service], account: Account, region: str, faults: Faults, hooks: Hooks
    ) -> None:
        self._services, self._account, self._region = services, account, region
        self._faults, self._hooks = faults, hooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request_id, answer = str(uuid.uuid4()), dict[str, Any]()
        try:
            request = await _read(scope, receive)
            answer = await self._answer(request, request_id)
        except ClientDisconnect:
            return
        except ApiError as e:
            answer = {"Error": {"Code": e.code, "Message": e.message}}
        body = {"Response": {**answer, "RequestId": request_id}}
        await JSONResponse(body)(scope, receive, send)

    async def _answer(self, request: signature.Request, request_id: str) -> Params:
        signer = signature.verify(request, self._account)
        service = self._service(signer.service, request.headers)
        action, region = request.headers["x-tc-action"], request.headers.get("x-tc-region", "")
        params = _params(request.body)
        recorded = Recorded(service.name, service.version, action, region, request_id, signer.secret_id, params)
        try:
            answer = await self._call(service, recorded)
        except ApiError as e:
            recorded.code = e.code
            raise
        finally:
            log.info("%s %s %s %s", service.name, action, recorded.code or "done", request_id)
            self._hooks.record(recorded)
        return answer

    def _service(self, name: str, headers: Mapping[str, str]) -> Service:
        for header in ("Action", "Version"):
            if not headers.get(f"x-tc-{header.lower()}"):
                raise ApiError("MissingParameter", f"The request is missing a required parameter `{header}`.")
        service = self._services.get(name)
        if service is None:
            raise ApiError("NoSuchProduct", f"The product `{name}` does not exist.")
        if headers["x-tc-version"] != service.version:
            raise ApiError("NoSuchVersion", f"The version `{headers['x-tc-version']}` of {name} does not exist.")
        if headers["x-tc-action"] not in service.actions:
            raise ApiError("InvalidAction", f"The action `{headers['x-tc-action']}` of {name} is invalid or not found.")
        region = headers.get("x-tc-region")
        if name not in WITHOUT_REGION and not region:
            raise ApiError("MissingParameter", "The request is missing a required parameter `Region`.")
        if name not in WITHOUT_REGION and region != self._region:
            raise ApiError("UnsupportedRegion", f"Nothing of this account is in `{region}`, only in `{self._region}`.")
        return service

    async def _call(self, service: Service, recorded: Recorded) -> Params:
        name, action = recorded.action, service.actions[recorded.action]
        models.check_request(service.name, service.version, name, recorded.params)
        fate = self._faults.next()
        if fate.slow_s:
            await asyncio.sleep(fate.slow_s)
        if fate.throttle:
            raise ApiError("RequestLimitExceeded", f"Your request rate of {name} exceeds the limit.")
        recorded.resource = action.resource(recorded.params)
        if not self._account.allows(recorded.secret_id, f"{service.name}:{name}", recorded.resource):
            what = f"operation ({service.name}:{name}) on resource ({recorded.resource})"
            raise ApiError("UnauthorizedOperation", f"You are not authorized to perform {what}.")
        self._hooks.before(recorded)
        if fate.before:
            raise ApiError("InternalError", "An internal error has occurred. Retry your request.")
        call = Call(recorded.secret_id, service.name, name, recorded.region, recorded.request_id)
        answer = await self._handle(service, call, recorded.params)
        self._hooks.after(recorded)
        if fate.after:
            raise ApiError("InternalError", "An internal error has occurred. Retry your request.")
        return answer

    async def _handle(self, service: Service, call: Call, params: Params) -> Params:
        try:
            answer = await service.actions[call.action].handler(call, params)
            models.check_answer(service.name, service.version, call.action, answer)
        except ApiError:
            raise
        except Exception:
            # A fault of the stand-in itself: the caller gets what the platform would answer, the log the traceback.
            log.exception("%s %s failed, %s", service.name, call.action, call.request_id)
            raise ApiError(
                "InternalError", "An internal error has occurred; see the log of the emulator's API."
            ) from None
        return answer


async def _read(scope: Scope, receive: Receive) -> signature.Request:
    request = HttpRequest(scope, receive)
    if request.method != "POST":
        raise ApiError("UnsupportedProtocol", "This stand-in only takes POST.")
    if scope["path"] != "/":
        raise ApiError("InvalidRequest", "The path of the API is /.")
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise ApiError("UnsupportedProtocol", "This stand-in only takes a body of application/json.")
    body = bytearray()
    async for chunk in request.stream():
        # What is too large is read to its end, so that the client gets the answer, but not kept.
        if len(body) <= MAX_BODY:
            body += chunk
    if len(body) > MAX_BODY:
        raise ApiError("RequestSizeLimitExceeded", f"The request is larger than {MAX_BODY} bytes.")
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = scope["query_string"].decode("latin-1")
    return signature.Request(request.method, scope["path"], query, headers, bytes(body))


def _params(body: bytes) -> Params:
    try:
        params = json.loads(body, parse_constant=_no_json)
        if b"\\ud" in body.lower():
            json.dumps(params, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        params = None
    if not isinstance(params, dict):
        raise ApiError("InvalidParameter", "The request body is not a JSON object.")
    return params


def _no_json(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
