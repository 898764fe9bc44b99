"""A collector: takes spans by OTLP over HTTP as protobuf, and keeps them (opentelemetry.io/docs/specs/otlp)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Received:
    """One span as it came over the wire. Ids in hexadecimal, "" for no parent; times in seconds."""

    name: str
    trace_id: str
    span_id: str
    parent: str
    start: float
    end: float
    kind: int
    status: int
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass
class Collector(ThreadingHTTPServer):
    """`answer` and `delay_s`: what it says, and how long it thinks before."""

    spans: list[Received] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: int = 200
    delay_s: float = 0.0
    requests: int = 0
    daemon_threads = True

    def __post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def named(self, name: str) -> Received:
        """The only span of this name."""
        (span,) = [span for span in self.spans if span.name == name]
        return span

    def wait(self, enough: Callable[[list[Received]], bool], seconds: float = 20.0) -> list[Received]:
        """The spans, once `enough` holds of them, or when the time is up."""
        end = time.monotonic() + seconds
        while not enough(self.spans) and time.monotonic() < end:
            time.sleep(0.05)
        return list(self.spans)


class _Handler(BaseHTTPRequestHandler):
    server: Collector
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests += 1
        time.sleep(self.server.delay_s)
        if self.path != "/v1/traces" or self.headers["Content-Type"] != "application/x-protobuf":
            self._reply(404, b"")
        elif self.server.answer != 200:
            self._reply(self.server.answer, b"")
        else:
            self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.server.spans += read(body)
            self._reply(200, ExportTraceServiceResponse().SerializeToString())

    def _reply(self, status: int, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def read(body: bytes) -> list[Received]:
    request = ExportTraceServiceRequest.FromString(body)
    return [
        Received(
            name=span.name,
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent=span.parent_span_id.hex(),
            start=span.start_time_unix_nano / 1e9,
            end=span.end_time_unix_nano / 1e9,
            kind=span.kind,
            status=span.status.code,
            attributes=_values(span.attributes),
            resource=_values(group.resource.attributes),
        )
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def tree(spans: list[Received], numbered: bool = False) -> dict[str, str]:
    """Each span's name → its parent's; "" where the parent is none of them. Raises AssertionError for a span twice.

    `numbered`: names of an attempt's spans have its number, for a task with several.
    """

    def name(span: Received) -> str:
        number = span.attributes.get("patchmill.attempt")
        return f"{span.name} {number}" if numbered and number and not span.name.startswith("attempt") else span.name

    names = {span.span_id: name(span) for span in spans}
    assert len(names) == len(spans), sorted(names.values())
    return {name(span): names.get(span.parent, "") for span in spans}
