"""Spans to a collector, by OTLP over HTTP, when PATCHMILL_OTLP_ENDPOINT is set; else nothing, and nothing is imported.

in   what a function saw: a task submitted, dispatched, ended
out  each span once, from the function that sees its end; sent before the handler returns: the platform freezes the
     process afterwards

A collector that is slow, away or refuses costs EXPORT_S once in PAUSE_S, and never fails an event: spans are lost then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Protocol

from patchmill import log, tracing
from patchmill.settings import Settings
from patchmill.task import Task
from patchmill.tracing import Span

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

EXPORT_S = 1.5
PAUSE_S = 30.0
MAX_SPANS = 1000
"""For one event. A sweep that ends more than a hundred tasks at once leaves the rest out."""
TRACES_PATH = "/v1/traces"

_CLOUD = {"cloud.provider": "tencent_cloud", "cloud.platform": "tencent_cloud_scf"}
_SERVICES = {"submit": "patchmill-submit", "dispatch": "patchmill-dispatch", "collect": "patchmill-collect"}
_SERVICES |= dict.fromkeys(("fetch", "agent", "deliver"), "patchmill-agent")
_ALREADY = {"submit", "dispatch"}  # exported by the functions of these names


class History(Protocol):
    """Where a task's attempts and events are read."""

    def attempts(self, task_id: str) -> Iterable[tracing.AttemptRow]: ...
    def events(self, task_id: str) -> Iterable[tracing.EventRow]: ...


class Traces:
    """One per instance of a function; `begin` and `flush` stand around each event."""

    def __init__(self, settings: Settings, history: History) -> None:
        self._endpoint, self._headers = settings.otlp_endpoint, settings.otlp_headers
        self._region, self._history = settings.cos_region, history
        self._began = _now()
        self._spans: list[Span] = []
        self._exporter: SpanExporter | None = None
        self._thread: threading.Thread | None = None
        self._not_before = 0.0
        self._failing = False

    @property
    def on(self) -> bool:
        return self._endpoint is not None

    def begin(self, at: datetime) -> None:
        """An event came at `at` (UTC, without a zone)."""
        self._began = at
        self._spans.clear()

    def submitted(self, task: Task) -> None:
        """A request or a dropped ZIP became this task; the event is its span."""
        if self.on:
            self._add([tracing.submit_span(task, min(self._began, task.created_at), _now())])

    def dispatched(self, task: Task, started: datetime) -> None:
        """The task's attempt has its Job; `started`: when its message was taken up."""
        if not self.on:
            return
        spans = self._known(task)
        queued = [span for span in spans if (span.name, span.attempt) == ("queued", task.attempt) and span.end]
        self._add([*queued, tracing.dispatch_span(task, started, _now())])

    def ended(self, task: Task) -> None:
        """The task is over, by whatever way: its own span, its attempts, and what their pods did."""
        if not self.on:
            return
        spans = self._known(task)
        claimed = {span.attempt for span in spans if span.name.startswith("attempt ")}
        self._add(
            span
            for span in spans
            if span.name not in _ALREADY and not (span.name == "queued" and span.attempt in claimed)
        )

    def flush(self) -> None:
        """Send what there is. Never raises; back within EXPORT_S, the imports of the first time aside."""
        spans, self._spans = self._spans[:MAX_SPANS], []
        busy = self._thread is not None and self._thread.is_alive()
        if not spans or busy or time.monotonic() < self._not_before:
            return
        try:
            problem = self._send(spans)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        if problem:
            self._not_before = time.monotonic() + PAUSE_S
            if not self._failing:
                log.warning("traces_not_exported", error=problem, spans=len(spans))
        self._failing = bool(problem)

    def _known(self, task: Task) -> list[Span]:
        """All spans as MySQL has them now. A database that does not answer costs the spans, not the event."""
        try:
            return tracing.spans_of(task, self._history.attempts(task.id), self._history.events(task.id))
        except Exception as error:
            log.warning("spans_not_read", task=task.id, error=f"{type(error).__name__}: {error}")
            return []

    def _add(self, spans: Iterable[Span]) -> None:
        self._spans += spans

    def _send(self, spans: list[Span]) -> str | None:
        """None, or what went wrong. In a thread: no time-out of a socket covers a name server that is silent."""
        exporter = self._exporter = self._exporter or _exporter(self._endpoint or "", self._headers)
        ready = _readable(spans, self._region)
        said = _Said()
        outcome: list[bool] = []
        self._thread = threading.Thread(target=_export, args=(exporter, ready, said, outcome), daemon=True)
        self._thread.start()
        self._thread.join(EXPORT_S + 0.2)
        if not outcome:
            return "the collector did not answer in time"
        return None if outcome[0] else said.last or "the collector did not take the spans"


def _export(exporter: SpanExporter, spans: list[ReadableSpan], said: _Said, outcome: list[bool]) -> None:
    from opentelemetry.sdk.trace.export import SpanExportResult

    with said:
        try:
            outcome.append(exporter.export(spans) is SpanExportResult.SUCCESS)
        except Exception as error:  # not even a fault of the library may reach the road
            said.last = type(error).__name__
            outcome.append(False)


class _Said(logging.Handler):
    """What the library says about a failure: for our one line, instead of its own on stderr at every event."""

    def __init__(self) -> None:
        super().__init__()
        self.last: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()[:500]

    def __enter__(self) -> _Said:
        logger = logging.getLogger("opentelemetry")
        logger.propagate = False
        logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("opentelemetry").removeHandler(self)


def _exporter(endpoint: str, headers: Iterable[tuple[str, str]]) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=endpoint.rstrip("/") + TRACES_PATH, headers=dict(headers), timeout=EXPORT_S)


def _readable(spans: Iterable[Span], region: str) -> list[ReadableSpan]:
    """Our spans in the library's form. Its tracer is not used: it makes up ids and times, and ours are known."""
    from opentelemetry.sdk.resources import Resource

    made: dict[str, Resource] = {}

    def resource(service: str) -> Resource:
        if service not in made:
            about = {"service.name": service, "service.namespace": "patchmill", "cloud.region": region}
            made[service] = Resource(about if service == "patchmill-agent" else {**about, **_CLOUD})
        return made[service]

    return [_one(span, resource(_SERVICES.get(span.name, "patchmill"))) for span in spans if span.end]


def _one(span: Span, resource: Resource) -> ReadableSpan:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    sampled = TraceFlags(TraceFlags.SAMPLED)

    def context(span_id: str) -> SpanContext:
        return SpanContext(int(span.trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=sampled)

    kinds = {"submit": SpanKind.SERVER, "dispatch": SpanKind.CONSUMER}
    return ReadableSpan(
        name=span.name,
        context=context(span.span_id),
        parent=context(span.parent_span_id) if span.parent_span_id else None,
        resource=resource,
        attributes=dict(span.attributes),
        kind=kinds.get(span.name, SpanKind.INTERNAL),
        status=Status(StatusCode[span.status]),
        start_time=_nanoseconds(span.start),
        end_time=_nanoseconds(span.end or span.start),
        instrumentation_scope=InstrumentationScope("patchmill"),
    )


def _nanoseconds(moment: datetime) -> int:
    return int(moment.replace(tzinfo=timezone.utc).timestamp() * 1000) * 1_000_000


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)
