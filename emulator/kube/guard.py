"""The door of the API: every request passes authentication and authorization here, before any route sees it.

in   an ASGI scope
out  the app is called, with the user as request.state.identity; or a 401 or 403 `Status`

The query is read as the routes read it (of a parameter that is there twice, the last): what is judged is what is done.
Nobody may act as somebody else (Impersonate-User and so on), not even the administrator.
"""

from __future__ import annotations

from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.kube import rbac
from emulator.kube.errors import AccessRefused, Unauthorized
from emulator.kube.identity import identify
from emulator.kube.rbac import Attributes
from emulator.kube.render import answer
from emulator.kube.store import Store

_PUBLIC = ("/healthz", "/livez", "/readyz", "/version")  # as the role system:public-info-viewer
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Guard:
    """Lets through who is known and may."""

    def __init__(self, app: ASGIApp, store: Store, token: str) -> None:
        self._app, self._store, self._token = app, store, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refused = self._refusal(scope)
            if refused is not None:
                await answer(refused.status(), refused.code)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Unauthorized | AccessRefused | None:
        identity = identify(scope, self._token)
        if identity is None:
            anonymous = not any(name == b"authorization" for name, _ in scope["headers"])
            return None if anonymous and scope["path"] in _PUBLIC else Unauthorized("Unauthorized")
        scope.setdefault("state", {})["identity"] = identity
        if any(name.startswith(b"impersonate-") for name, _ in scope["headers"]):
            return AccessRefused("impersonation is not served by this cluster")
        try:
            rbac.require(self._store, identity, attributes_of(scope))
        except AccessRefused as refused:
            return refused
        return None


def attributes_of(scope: Scope) -> Attributes:
    """As apiserver/pkg/endpoints/request.RequestInfo reads a request."""
    path, method = scope["path"], scope["method"]
    verb = _VERBS.get(method, "get")
    steps = path.strip("/").split("/")
    if steps[0] == "api" and len(steps) > 2:
        group, steps = "", steps[2:]
    elif steps[0] == "apis" and len(steps) > 3:
        group, steps = steps[1], steps[3:]
    else:
        return Attributes(method.lower(), path=path)
    namespace = ""
    if steps[0] == "namespaces" and len(steps) > 1:
        namespace = steps[1]  # the namespace itself is, for RBAC, an object within it
        if len(steps) > 2 and steps[2] != "status":
            steps = steps[2:]
    resource, name, subresource = (*steps, "", "")[:3]
    if not name:
        query = QueryParams(scope["query_string"])
        verb = _collection_verb(verb, query)
        name = _selected_name(query) if verb in ("list", "watch", "deletecollection") else ""
    elif verb == "get" and _is_watch(QueryParams(scope["query_string"])):
        verb = "watch"
    return Attributes(verb, group, resource, subresource, namespace, name)


def _collection_verb(verb: str, query: QueryParams) -> str:
    if verb == "get":
        return "watch" if _is_watch(query) else "list"
    return "deletecollection" if verb == "delete" else verb


def _is_watch(query: QueryParams) -> bool:
    return query.get("watch", "").lower() in ("1", "true", "t")


def _selected_name(query: QueryParams) -> str:
    """A list of the one object that a field selector names may be allowed by that name."""
    for part in query.get("fieldSelector", "").split(","):
        field, equals, value = part.replace("==", "=").partition("=")
        if field == "metadata.name" and equals:
            return value
    return ""
