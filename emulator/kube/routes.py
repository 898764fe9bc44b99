"""The verbs on objects: a request in, store and answer out. What a valid object is, and what a delete sets in motion,
is said elsewhere (structure, defaults, validation, deletion): a handler parses, calls and answers.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.kube import admission, logs, paging, watch
from emulator.kube.deletion import Deleter, delete, delete_all, options_of
from emulator.kube.objects import Obj
from emulator.kube.patches import merge, strategic
from emulator.kube.render import answer, form_of
from emulator.kube.requests import dry_run, flag, json_body, number
from emulator.kube.resources import RESOURCES, Resource
from emulator.kube.store import Store
from emulator.kube.writes import new_object, replaced_object, replaced_status

Handler = Callable[[Request], Awaitable[Response]]

_PATCHES = {"application/merge-patch+json": merge, "application/strategic-merge-patch+json": strategic}


class Objects:
    """The handlers of one kind."""

    def __init__(self, resource: Resource, store: Store, deleter: Deleter, logs_root: Path) -> None:
        self._resource, self._store, self._deleter, self._logs_root = resource, store, deleter, logs_root

    def routes(self) -> list[Route]:
        """`namespaced` kinds have a collection in each namespace and one over all of them, which is read-only."""
        base = self._resource.collection("{namespace}")
        collection: dict[str, Handler] = {"GET": self._list}
        one: dict[str, Handler] = {"GET": self._get}
        if self._resource.writable:
            collection.update(POST=self._create, DELETE=self._delete_collection)
            one.update(PUT=self._replace, PATCH=self._patch, DELETE=self._delete)
        table = [_route(base, collection), _route(f"{base}/{{name}}", one)]
        if self._resource.namespaced:
            everywhere = base.replace("/namespaces/{namespace}", "")
            table.append(_route(everywhere, {"GET": self._list}))
        if self._resource.has_status:
            status: dict[str, Handler] = {"GET": self._get, "PUT": self._replace_status, "PATCH": self._patch_status}
            table.append(_route(f"{base}/{{name}}/status", status))
        if self._resource.kind == "Pod":
            table.append(_route(f"{base}/{{name}}/log", {"GET": self._log}))
        return table

    def _stored(self, request: Request) -> Obj:
        params = request.path_params
        return self._store.get(self._resource.kind, params.get("namespace"), params["name"])

    def _answer(self, request: Request, obj: Obj, status: int = 200) -> Response:
        return answer(form_of(request).one(self._resource, obj), status)

    async def _create(self, request: Request) -> Response:
        form_of(request)  # before anything is written: can the answer be given?
        body = await json_body(request)
        mutate = partial(admission.mutate, self._store)
        obj = new_object(self._resource, request.path_params.get("namespace"), body, mutate)
        admission.check(self._store, obj)
        return self._answer(request, self._store.create(obj, dry_run=dry_run(request)), 201)

    async def _get(self, request: Request) -> Response:
        return self._answer(request, self._stored(request))

    async def _list(self, request: Request) -> Response:
        namespace, query = request.path_params.get("namespace"), request.query_params
        if flag(request, "watch"):
            return watch.respond(self._store, self._resource, namespace, request)
        number(request, "resourceVersion")  # whatever it is, the answer is the newest state; but it must be a number
        start = paging.start(request, self._store)
        found = self._store.scan(
            self._resource.kind, namespace, query.get("labelSelector", ""), query.get("fieldSelector", "")
        )
        page, metadata = paging.cut(start, found)
        return answer(form_of(request).many(self._resource, page, metadata))

    async def _replace(self, request: Request) -> Response:
        form_of(request)
        return self._update(request, await json_body(request))

    async def _patch(self, request: Request) -> Response:
        form_of(request)
        return self._update(request, await self._patched(request))

    async def _replace_status(self, request: Request) -> Response:
        return self._update_status(request, await json_body(request))

    async def _patch_status(self, request: Request) -> Response:
        return self._update_status(request, await self._patched(request))

    async def _patched(self, request: Request) -> Obj:
        patch = await json_body(request, _PATCHES)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        return _PATCHES[media_type](self._stored(request), patch)

    def _update(self, request: Request, body: Obj) -> Response:
        old = self._stored(request)
        new = replaced_object(self._resource, old, body)
        if self._resource.kind == "PriorityClass":
            admission.check_default(self._store, new)
        stored = self._store.update(new, dry_run=dry_run(request))
        metadata = stored["metadata"]
        ends = metadata.get("deletionTimestamp") and not metadata.get("finalizers")
        if ends and self._resource.kind not in ("Namespace", "Pod") and not dry_run(request):
            stored = self._store.delete(self._resource.kind, metadata.get("namespace"), metadata["name"])
        return self._answer(request, stored)

    def _update_status(self, request: Request, body: Obj) -> Response:
        new = replaced_status(self._resource, self._stored(request), body)
        return self._answer(request, self._store.update(new, dry_run=dry_run(request)))

    async def _delete(self, request: Request) -> Response:
        options = await options_of(request)
        obj = self._stored(request)
        left = delete(self._store, self._deleter, obj, options)
        if left is not None:
            return answer(left)
        return answer(obj if self._resource.kind == "Pod" else _gone(self._resource, obj))

    async def _delete_collection(self, request: Request) -> Response:
        options, query = await options_of(request), request.query_params
        namespace = request.path_params.get("namespace")
        selectors = query.get("labelSelector", ""), query.get("fieldSelector", "")
        found = self._store.list(self._resource.kind, namespace, *selectors)
        delete_all(self._store, self._deleter, found, options)
        metadata = {"resourceVersion": str(self._store.resource_version)}
        return answer(form_of(request).many(self._resource, found, metadata))

    async def _log(self, request: Request) -> Response:
        return logs.respond(self._store, self._logs_root, self._stored(request), request)


def routes(store: Store, deleter: Deleter, logs_root: Path) -> list[Route]:
    """The routes of every kind."""
    kinds = (Objects(resource, store, deleter, logs_root) for resource in RESOURCES)
    return list(itertools.chain.from_iterable(kind.routes() for kind in kinds))


def _route(path: str, handlers: dict[str, Handler]) -> Route:
    async def by_method(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, by_method, methods=list(handlers))


def _gone(resource: Resource, obj: Obj) -> Obj:
    """What the real API says of an object that is gone at once; for a pod it returns the pod."""
    details = {"name": obj["metadata"]["name"], "kind": resource.plural, "uid": obj["metadata"]["uid"]}
    if resource.group:
        details["group"] = resource.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
