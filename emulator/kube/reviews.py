"""Questions about oneself: `kubectl auth can-i` and `kubectl auth whoami`. Nothing of them is stored."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.kube import protobuf, rbac, structure
from emulator.kube.errors import BadRequest
from emulator.kube.identity import Identity
from emulator.kube.objects import Obj
from emulator.kube.render import answer
from emulator.kube.requests import json_body, raw_body
from emulator.kube.store import Store

ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def routes(store: Store) -> list[Route]:
    async def access(request: Request) -> Response:
        body = await _body(request, "SelfSubjectAccessReview", "authorization.k8s.io/v1")
        decision = rbac.decide(store, _identity(request), _attributes(body["spec"]))
        status: Obj = {"allowed": decision.allowed}
        if decision.troubles and not decision.allowed:
            status["reason"] = "RBAC: " + ", ".join(decision.troubles)
        return answer({**body, "status": status}, 201)

    async def who(request: Request) -> Response:
        body = await _body(request, "SelfSubjectReview", "authentication.k8s.io/v1")
        identity = _identity(request)
        user = {"username": identity.name, "groups": list(identity.groups)}
        return answer({**body, "status": {"userInfo": user}}, 201)

    return [Route(ACCESS, access, methods=["POST"]), Route(SELF, who, methods=["POST"])]


async def _body(request: Request, kind: str, version: str) -> Obj:
    if request.headers.get("content-type", "").partition(";")[0] == protobuf.MEDIA_TYPE:
        body = protobuf.decode(await raw_body(request), kind)
    else:
        body = structure.without_nulls(await json_body(request))
    for field, value in (("apiVersion", version), ("kind", kind)):
        if body.setdefault(field, value) != value:
            raise BadRequest(f"{field} in the data does not match the expected one ({value})")
    structure.check(kind, body)
    body.setdefault("metadata", {})
    return body


def _identity(request: Request) -> Identity:
    found: Identity = request.state.identity
    return found


def _attributes(spec: Obj) -> rbac.Attributes:
    """Raises BadRequest unless it is about one object or one path."""
    wanted, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if path is not None and wanted is None:
        return rbac.Attributes(path.get("verb", ""), path=path.get("path", ""))
    if wanted is None or path is not None:
        raise BadRequest("exactly one of nonResourceAttributes or resourceAttributes must be specified")
    fields = ("verb", "group", "resource", "subresource", "namespace", "name")
    return rbac.Attributes(**{field: wanted.get(field, "") for field in fields})
