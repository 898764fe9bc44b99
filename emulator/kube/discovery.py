"""What the API has: the answers by which kubectl and other clients find their way before they ask for an object."""

from __future__ import annotations

import platform
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from emulator.kube.objects import Obj
from emulator.kube.resources import GROUPS, RESOURCES, Resource

VERSION = {"major": "1", "minor": "37", "gitVersion": "v1.37.0+patchmill", "gitTreeState": "clean"}
_PB_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"  # asked for with @, which Go cannot parse
_VERSIONS = {"v1": "api/v1", **{f"{group}/v1": f"apis/{group}/v1" for group in GROUPS}}  # and their paths
# What can be asked but is not stored (reviews.py).
_REVIEWS = {
    "authorization.k8s.io": ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    "authentication.k8s.io": ("selfsubjectreviews", "SelfSubjectReview"),
}


def routes() -> list[Route]:
    """Everything that is not an object."""
    groups = [*GROUPS, *_REVIEWS]
    answers: dict[str, Obj] = {
        "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in groups]},
        "/api/v1": _resources(""),
        "/version": {**VERSION, "platform": f"linux/{platform.machine()}", "compiler": "CPython"},
        "/openapi/v3": {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in _VERSIONS.values()}},
    }
    for name in groups:
        answers[f"/apis/{name}"] = {**_group(name), "kind": "APIGroup", "apiVersion": "v1"}
        answers[f"/apis/{name}/v1"] = _resources(name)
    answers |= {f"/openapi/v3/{path}": _openapi(version) for version, path in _VERSIONS.items()}
    table = [Route(path, _always(body)) for path, body in answers.items()]
    table += [Route(path, _healthy) for path in ("/healthz", "/livez", "/readyz")]
    return [*table, Route("/openapi/v2", _openapi_v2)]


def _always(body: Obj) -> Any:
    async def answer(request: Request) -> Response:
        return JSONResponse(body)

    return answer


async def _healthy(request: Request) -> Response:
    return PlainTextResponse("ok")


def _group(name: str) -> Obj:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resources(group: str) -> Obj:
    found = [entry for resource in RESOURCES if resource.group == group for entry in _entries(resource)]
    if group in _REVIEWS:
        name, kind = _REVIEWS[group]
        found.append({"name": name, "singularName": "", "namespaced": False, "kind": kind, "verbs": ["create"]})
    version = f"{group}/v1" if group else "v1"
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": found}


def _entries(resource: Resource) -> list[Obj]:
    base: Obj = {"singularName": "", "namespaced": resource.namespaced, "kind": resource.kind}
    main = {**base, "name": resource.plural, "singularName": resource.kind.lower(), "verbs": list(resource.verbs)}
    if resource.short_names:
        main["shortNames"] = list(resource.short_names)
    if resource.categories:
        main["categories"] = list(resource.categories)
    found = [main]
    if resource.kind == "Pod":
        found.append({**base, "name": "pods/log", "verbs": ["get"]})
    if resource.has_status:
        found.append({**base, "name": f"{resource.plural}/status", "verbs": ["get", "patch", "update"]})
    return found


def _openapi(version: str) -> Obj:
    """Just enough of OpenAPI 3 for kubectl to learn that the server checks fields itself and knows dry runs."""
    names = ("dryRun", "fieldManager", "fieldValidation", "force")
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    paths = {}
    for resource in RESOURCES:
        if resource.api_version == version:
            kind = {"group": resource.group, "version": "v1", "kind": resource.kind}
            patch = {"parameters": parameters, "responses": {}, "x-kubernetes-group-version-kind": kind}
            paths[f"{resource.collection('{namespace}')}/{{name}}"] = {"patch": patch}
    info = {"title": "Patchmill emulator", "version": VERSION["gitVersion"]}
    return {"openapi": "3.0.0", "info": info, "paths": paths}


async def _openapi_v2(request: Request) -> Response:
    """An empty document: older kubectls then leave the checking to the server. They only read it as protobuf."""
    if "protobuf" not in request.headers.get("accept", ""):
        info = {"title": "Patchmill emulator", "version": VERSION["gitVersion"]}
        return JSONResponse({"swagger": "2.0", "info": info, "paths": {}})
    # openapi.v2.Document: swagger = 1, info = 2 {title = 1, version = 2}; every field is tag, length, text.
    about = b"\x0a\x09Patchmill\x12\x04v1.0"
    return Response(b"\x0a\x032.0\x12" + bytes([len(about)]) + about, media_type=_PB_V2)
