"""Watches: the store's changes in, a stream of JSON lines out: {"type": ADDED|MODIFIED|…, "object"}.

A change reaches the client as soon as it is written. A watch ends at its timeoutSeconds; a client that has lost its
place (410 Gone) is told so by an ERROR event and has to list again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import StreamingResponse

from emulator.kube import selectors
from emulator.kube.changes import Change, Subscription
from emulator.kube.errors import BadRequest, Expired
from emulator.kube.objects import Obj
from emulator.kube.render import Form, encode, form_of
from emulator.kube.requests import flag, number
from emulator.kube.resources import Resource
from emulator.kube.selectors import Predicate
from emulator.kube.store import Store

BOOKMARK_S = 10.0  # the real API sends one about every minute; ours is cheap
_INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True)
class Watch:
    """What to watch and how. `since` None: begin with everything there is."""

    resource: Resource
    matches: Predicate
    form: Form
    since: int | None
    bookmarks: bool
    initial_end: bool  # say with a bookmark that everything there was has been sent
    timeout_s: float


def respond(store: Store, resource: Resource, namespace: str | None, request: Request) -> StreamingResponse:
    """Raises BadRequest for parameters that make no sense, before the stream starts."""
    watch = _watch_of(resource, namespace, request)
    return StreamingResponse(_stream(store, watch), media_type="application/json")


def _watch_of(resource: Resource, namespace: str | None, request: Request) -> Watch:
    query = request.query_params
    by_label = selectors.labels(query.get("labelSelector", ""))
    by_field = selectors.fields(resource.kind, query.get("fieldSelector", ""))
    timeout = number(request, "timeoutSeconds")
    initial = flag(request, "sendInitialEvents")
    if initial and query.get("resourceVersionMatch") != "NotOlderThan":
        raise BadRequest("sendInitialEvents needs resourceVersionMatch=NotOlderThan")

    def matches(obj: Obj) -> bool:
        here = namespace is None or obj["metadata"].get("namespace") == namespace
        return here and by_label(obj) and by_field(obj)

    return Watch(
        resource,
        matches,
        form_of(request),
        since=None if initial else (number(request, "resourceVersion") or None),
        bookmarks=flag(request, "allowWatchBookmarks"),
        initial_end=initial,
        timeout_s=timeout or random.uniform(1800, 3600),  # noqa: S311 - as the real API spreads reconnections
    )


async def _stream(store: Store, watch: Watch) -> AsyncIterator[bytes]:
    subscription = store.subscribe([watch.resource.kind])  # before the past is read, and nothing waits in between
    try:
        if past := b"".join(_past(store, watch)):
            yield past
        async for line in _present(store, watch, subscription):
            yield line
    except Expired as error:
        yield encode({"type": "ERROR", "object": error.status()}) + b"\n"
    finally:
        subscription.close()


def _past(store: Store, watch: Watch) -> Iterator[bytes]:
    """What the client has to know before anything new: changes since its resourceVersion, or the whole state."""
    if watch.since is not None:
        for change in store.changes_since(watch.resource.kind, watch.since):
            yield from _lines(watch, change)
        return
    for obj in store.scan(watch.resource.kind, None):
        if watch.matches(obj):
            yield _line(watch, "ADDED", obj)
    if watch.initial_end:
        yield _bookmark(store, watch, _INITIAL_EVENTS_END)


async def _present(store: Store, watch: Watch, subscription: Subscription) -> AsyncIterator[bytes]:
    clock = asyncio.get_running_loop().time
    end = clock() + watch.timeout_s
    while (left := end - clock()) > 0:
        try:
            change = await asyncio.wait_for(anext(subscription), min(left, BOOKMARK_S))
        except asyncio.TimeoutError:
            if watch.bookmarks:
                yield _bookmark(store, watch, {})
            continue
        except StopAsyncIteration:
            return  # the store is closing
        for line in _lines(watch, change):
            yield line


def _lines(watch: Watch, change: Change) -> Iterator[bytes]:
    """A change as seen through the selectors: an object that no longer matches is DELETED for this client."""
    before = change.previous is not None and watch.matches(change.previous)
    after = change.type != "DELETED" and watch.matches(change.obj)
    if after:
        yield _line(watch, "MODIFIED" if before else "ADDED", change.obj)
    elif before:
        yield _line(watch, "DELETED", change.obj)


def _line(watch: Watch, type_: str, obj: Obj) -> bytes:
    return encode({"type": type_, "object": watch.form.one(watch.resource, obj)}) + b"\n"


def _bookmark(store: Store, watch: Watch, annotations: dict[str, str]) -> bytes:
    """Only called when every change so far has been sent, so the present revision is a place to resume from."""
    metadata: Obj = {"resourceVersion": str(store.resource_version)}
    if annotations:
        metadata["annotations"] = annotations
    obj = {"kind": watch.resource.kind, "apiVersion": watch.resource.api_version, "metadata": metadata}
    return encode({"type": "BOOKMARK", "object": obj}) + b"\n"
