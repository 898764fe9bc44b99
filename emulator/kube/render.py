"""Answers: objects in, the representation that the client's Accept header asks for out (JSON, or a Table of rows)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from emulator.kube.errors import BadRequest, NotAcceptable
from emulator.kube.objects import Obj
from emulator.kube.resources import Resource
from emulator.kube.tables import table


@dataclass(frozen=True)
class Form:
    """How the client wants its answer: `table` is the version of a Table (v1, v1beta1) or empty for plain JSON."""

    table: str = ""
    include: str = "Metadata"

    def one(self, resource: Resource, obj: Obj) -> Obj:
        """A single object, as the body of an answer or of a watch event."""
        if not self.table:
            return obj
        metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        return table(resource.kind, [obj], self.table, self.include, metadata)

    def many(self, resource: Resource, objects: Iterable[Obj], metadata: dict[str, Any]) -> Obj:
        if self.table:
            return table(resource.kind, objects, self.table, self.include, metadata)
        head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": metadata}
        return {**head, "items": list(objects)}


def form_of(request: Request) -> Form:
    """The first form of the Accept header that this server has. Raises NotAcceptable, BadRequest."""
    include = request.query_params.get("includeObject", "") or "Metadata"
    if include not in ("None", "Metadata", "Object"):
        raise BadRequest(f"includeObject: Unsupported value: {include!r}: supported values: None, Metadata, Object")
    offered = [part.strip() for part in request.headers.get("accept", "*/*").split(",")]
    for part in offered:
        media_type, *pairs = (piece.strip() for piece in part.split(";"))
        parameters = dict(pair.partition("=")[::2] for pair in pairs)
        if media_type not in ("application/json", "application/*", "*/*", ""):
            continue
        if parameters.get("as") == "Table" and parameters.get("v") in ("v1", "v1beta1"):
            return Form(parameters["v"], include)
        if "as" not in parameters:
            return Form()
    raise NotAcceptable(
        "only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io"
    )


def answer(body: Obj, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(encode(body), status, headers, "application/json")


def encode(body: Obj) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
