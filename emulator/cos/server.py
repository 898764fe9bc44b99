"""COS over HTTP: an ASGI app that finds out who asks for what, and answers or refuses in COS's words.

Order: take the request apart, check the signature, find the route, ask the account whether the identity may, run it. A
query parameter or an x-cos-* header that no route knows gets 501 before anything is touched. Only a browser's
preflight needs no signature. Assumed: DeleteMultipleObjects is judged for the bucket, not for each key.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import formatdate

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.cos import buckets, cors, multipart, objects, subresources
from emulator.cos.auth import TOKEN, Accounts, authenticate, authorize, resource_name
from emulator.cos.call import Address, Call, Services, new_id, read_call, resource
from emulator.cos.errors import CosError
from emulator.cos.reply import reply, with_headers
from emulator.cos.store import Store
from emulator.cos.subresources import deleter, getter, putter
from emulator.events import ObjectEvent

_log = logging.getLogger(__name__)
_THREADS = 8


@dataclass(frozen=True)
class Route:
    """`needs` are the parameters that make a request this one; `knows` and `headers` those it may have besides.

    `operation` is CAM's name for it: https://www.tencentcloud.com/document/product/598/57092
    """

    operation: str
    level: str  # "service", "bucket" or "object"
    method: str
    handler: Callable[[Call], Awaitable[Response]]
    needs: frozenset[str] = frozenset()
    knows: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _configuration(name: str, title: str) -> Iterator[Route]:
    for verb, method, handler in (("Get", "GET", getter), ("Put", "PUT", putter), ("Delete", "DELETE", deleter)):
        yield Route(f"{verb}Bucket{title}", "bucket", method, handler(name), _names(name))


_ROUTES = (
    Route("GetService", "service", "GET", buckets.list_buckets, knows=_names("marker max-keys")),
    Route("PutBucket", "bucket", "PUT", buckets.create_bucket, headers=_names("x-cos-tagging")),
    Route("HeadBucket", "bucket", "HEAD", buckets.head_bucket),
    Route("DeleteBucket", "bucket", "DELETE", buckets.delete_bucket),
    Route(
        "GetBucket", "bucket", "GET", buckets.list_objects,
        knows=_names("prefix delimiter marker max-keys encoding-type"),
    ),
    Route("DeleteMultipleObjects", "bucket", "POST", buckets.delete_objects, _names("delete")),
    Route(
        "ListMultipartUploads", "bucket", "GET", multipart.list_uploads, _names("uploads"),
        _names("prefix delimiter key-marker upload-id-marker max-uploads encoding-type"),
    ),
    Route("GetBucketACL", "bucket", "GET", subresources.get_acl, _names("acl")),
    Route("PutBucketACL", "bucket", "PUT", subresources.put_acl, _names("acl")),
    *_configuration("lifecycle", "Lifecycle"),
    *_configuration("cors", "CORS"),
    *_configuration("tagging", "Tagging"),
    *_configuration("encryption", "Encryption"),
    Route("PutObject", "object", "PUT", objects.put_object),
    Route("GetObject", "object", "GET", objects.get_object, knows=frozenset(objects.RESPONSE_PARAMS)),
    Route("HeadObject", "object", "HEAD", objects.head_object),
    Route("DeleteObject", "object", "DELETE", objects.delete_object),
    Route("InitiateMultipartUpload", "object", "POST", multipart.create_upload, _names("uploads")),
    Route("UploadPart", "object", "PUT", multipart.put_part, _names("partNumber uploadId")),
    Route(
        "ListParts", "object", "GET", multipart.list_parts, _names("uploadId"),
        _names("max-parts part-number-marker encoding-type"),
    ),
    Route("CompleteMultipartUpload", "object", "POST", multipart.complete_upload, _names("uploadId")),
    Route("AbortMultipartUpload", "object", "DELETE", multipart.abort_upload, _names("uploadId")),
)  # fmt: skip

# x-cos-* headers that are understood, with the values that change nothing (None: any value).
_HEADERS: dict[str, frozenset[str] | None] = {
    TOKEN: None,
    "x-cos-sdk-retry": None,
    "x-cos-traffic-limit": None,
    "x-cos-acl": _names("private default"),
    "x-cos-storage-class": _names("STANDARD"),
    "x-cos-metadata-directive": None,
    "x-cos-copy-source": None,
    "x-cos-copy-source-range": None,
    "x-cos-copy-source-if-match": None,
    "x-cos-copy-source-if-none-match": None,
    "x-cos-copy-source-if-modified-since": None,
    "x-cos-copy-source-if-unmodified-since": None,
}


def create_app(
    store: Store,
    account: Accounts,
    on_event: Callable[[ObjectEvent], None],
    region: str = "ap-guangzhou",
) -> ASGIApp:
    """The app. `on_event` is called on the event loop once a change is durable, before its answer is sent.

    `account` is asked in the event loop's thread too.
    """
    services = Services(store, on_event, region, ThreadPoolExecutor(_THREADS, "cos"))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await _answer(services, account, scope, receive)
            await response(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is left to answer

    return app


async def _answer(services: Services, account: Accounts, scope: Scope, receive: Receive) -> Response:
    address, request_id = Address("", ""), new_id()
    call: Call | None = None
    try:
        call = read_call(services, scope, receive)
        address, request_id = call.address, call.request_id
        response = await _run(call, account)
    except CosError as e:
        response = _refusal(e, resource(address, services.region), request_id)
    except ClientDisconnect:
        raise
    except Exception:  # a full disk, or a mistake of ours: neither may take the connection down
        _log.exception("request %s failed", request_id)
        trouble = CosError("ServiceUnavailable", "The store can't do this at the moment; see the emulator's log.")
        response = _refusal(trouble, resource(address, services.region), request_id)
    common = {"date": formatdate(usegmt=True), "server": "tencent-cos", "x-cos-request-id": request_id}
    if call and call.method != "OPTIONS":
        common.update(await cors.headers_for(call))
    return with_headers(response, common)


async def _run(call: Call, account: Accounts) -> Response:
    if call.method == "OPTIONS" and call.bucket:
        return await cors.preflight(call)
    credential = authenticate(call.signed, account, time.time())
    route = _route(call)
    _check_headers(call, route)
    region = call.services.region
    authorize(account, credential.secret_id, route.operation, resource_name(region, call.bucket, call.key))
    if "x-cos-copy-source" in call.headers and route.operation in ("PutObject", "UploadPart"):
        source = objects.copy_source(call)  # who copies also reads
        authorize(account, credential.secret_id, "GetObject", resource_name(region, source.bucket, source.key))
    return await route.handler(call)


def _refusal(error: CosError, name: str, request_id: str) -> Response:
    trace_id = new_id()
    headers = {"content-type": "application/xml", "x-cos-trace-id": trace_id}
    return reply(error.status, headers, error.xml(name, request_id, trace_id))


def _check_headers(call: Call, route: Route) -> None:
    for name, value in call.headers.items():
        if name in route.headers:
            continue
        if not name.startswith(("x-cos-", "x-ci-", "pic-operations")) or name.startswith("x-cos-meta-"):
            continue
        values = _HEADERS.get(name, frozenset())
        if values is not None and value not in values:
            raise CosError("NotImplemented", f"The header {name} with this value is not implemented.")


def _route(call: Call) -> Route:
    """Raises CosError MethodNotAllowed, NotImplemented."""
    level = "object" if call.key else "bucket" if call.bucket else "service"
    sent = call.params.keys() - {TOKEN}
    possible = [route for route in _ROUTES if (route.level, route.method) == (level, call.method)]
    if not possible:
        raise CosError("MethodNotAllowed", f"{call.method} is not allowed on the {level}.")
    for route in possible:
        if route.needs <= sent <= route.needs | route.knows:
            return route
    raise CosError("NotImplemented", f"{call.method} of the {level} with {sorted(sent)} is not implemented.")
