"""Objects in, objects out: the cluster's memory, kept in sqlite so that it survives a killed emulator.

The road: the routes, the controllers and the node all read and write here, and learn of each other's writes by
subscribing. Everything runs in one thread, the event loop's; every method is synchronous and quick. An object that is
stored is never changed in place: a write replaces it whole, so readers get copies and change nothing by accident.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from emulator.kube import builtins, errors, selectors
from emulator.kube.changes import Change, Subscription
from emulator.kube.objects import Key, Obj, clone, key_of, new_service_account, now
from emulator.kube.resources import KINDS

__all__ = ["Change", "Obj", "Store", "Subscription", "clone", "now"]

_QUEUE = 20_000  # changes a slow subscriber may lag behind before it has to list again
_EVENT_LIFE_S = 3600  # kube-apiserver --event-ttl
_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (kind TEXT, namespace TEXT, name TEXT, body TEXT NOT NULL,
                                    PRIMARY KEY (kind, namespace, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revision (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL);
INSERT OR IGNORE INTO revision VALUES (1, 0);
"""


class Store:
    """All objects of the cluster, kept in the sqlite file `path` (None: in memory only).

    `window` is the number of past changes that a watch can resume over; `queue` how many a subscriber may lag behind.
    """

    def __init__(self, path: Path | None = None, *, window: int = 10_000, queue: int = _QUEUE) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)  # it holds Secrets
        # check_same_thread: made in one thread and then used in the loop's, never in two at once.
        self._db = sqlite3.connect(str(path or ":memory:"), isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")  # must survive SIGKILL, not a power cut
        self._db.executescript(_SCHEMA)
        self._objects: dict[str, dict[Key, Obj]] = {kind: {} for kind in KINDS}
        for (body,) in self._db.execute("SELECT body FROM objects"):
            obj = json.loads(body)
            self._objects[obj["kind"]][key_of(obj)] = obj
        self._revision: int = self._db.execute("SELECT value FROM revision").fetchone()[0]
        self._history: deque[Change] = deque(maxlen=window)
        self._oldest = self._revision  # changes after this one are known
        self._queue = queue
        self._subscriptions: set[Subscription] = set()
        self._add_builtins()

    @property
    def resource_version(self) -> int:
        return self._revision

    def create(self, obj: Obj, *, dry_run: bool = False) -> Obj:
        """Store a new object and return it with uid, resourceVersion, creationTimestamp and generation.

        Raises errors.AlreadyExists, errors.NotFound for a missing namespace, errors.Forbidden for an ending one.
        """
        key = kind, space, name = key_of(obj)
        if space:
            home = self._objects["Namespace"].get(("Namespace", "", space))
            if home is None:
                raise errors.NotFound("Namespace", space)
            if home["metadata"].get("deletionTimestamp"):
                raise errors.Forbidden(
                    kind, name, f"unable to create new content in namespace {space}: being terminated"
                )
        if key in self._objects[kind]:
            raise errors.AlreadyExists(kind, name)
        obj = clone(obj)
        obj["metadata"].update(uid=obj["metadata"].get("uid") or str(uuid.uuid4()), creationTimestamp=now())
        if space:
            obj["metadata"]["namespace"] = space
        if "spec" in obj:
            obj["metadata"]["generation"] = 1
        if dry_run:
            return obj
        if kind == "Event":
            self._forget_old_events()
        made = self._write("ADDED", key, obj, None)
        if kind == "Namespace":
            self.create(new_service_account(name))
        return made

    def get(self, kind: str, namespace: str | None, name: str) -> Obj:
        """A copy of one object. Raises errors.NotFound."""
        return clone(self._stored(kind, namespace, name))

    def scan(
        self, kind: str, namespace: str | None, label_selector: str = "", field_selector: str = ""
    ) -> Iterator[Obj]:
        """Like `list` without the copies: for readers that change nothing and do not wait in between."""
        by_label, by_field = selectors.labels(label_selector), selectors.fields(kind, field_selector)
        for key in sorted(self._objects[kind]):
            obj = self._objects[kind][key]
            if (namespace is None or key[1] == namespace) and by_label(obj) and by_field(obj):
                yield obj

    def update(self, obj: Obj, *, dry_run: bool = False) -> Obj:
        """Replace an object whole. Raises errors.NotFound, errors.Conflict (stale resourceVersion, other uid)."""
        kind, space, name = key = key_of(obj)
        before = self._stored(kind, space, name)
        old, obj = before["metadata"], clone(obj)
        new = obj["metadata"]
        if new.get("resourceVersion") not in (None, "", old["resourceVersion"]):
            raise errors.Conflict(kind, name)
        if new.get("uid") not in (None, "", old["uid"]):
            raise errors.Conflict(
                kind, name, f"Precondition failed: UID in precondition: {new['uid']}, but is {old['uid']}"
            )
        for field in ("namespace", "uid", "resourceVersion", "creationTimestamp", "generation"):
            if field in old:
                new[field] = old[field]
        if obj == before:
            return obj
        if obj.get("spec") != before.get("spec") and "generation" in old:
            new["generation"] = old["generation"] + 1
        return obj if dry_run else self._write("MODIFIED", key, obj, before)

    def change(self, kind: str, namespace: str | None, name: str, fn: Callable[[Obj], None]) -> Obj:
        """Let `fn` change a copy and store it; nothing is written when nothing changed. Raises errors.NotFound."""
        obj = self.get(kind, namespace, name)
        fn(obj)
        return self.update(obj)

    def delete(self, kind: str, namespace: str | None, name: str) -> Obj:
        """Remove an object for good and return its last state. Raises errors.NotFound."""
        before = self._stored(kind, namespace, name)
        key = key_of(before)
        gone = self._write("DELETED", key, clone(before), before)
        self.finish_namespace(key[1])
        if kind == "ServiceAccount" and name == "default":  # as the serviceaccount controller does
            with contextlib.suppress(errors.NotFound, errors.Forbidden):
                self.create(new_service_account(key[1]))
        return gone

    def subscribe(self, kinds: Iterable[str] | None = None) -> Subscription:
        """Changes of these kinds (None: of all) from this moment on."""
        wanted = None if kinds is None else frozenset(kinds)
        subscription = Subscription(wanted, self._subscriptions.discard, self._queue)
        self._subscriptions.add(subscription)
        return subscription

    @property
    def subscribers(self) -> int:
        """How many listen."""
        return len(self._subscriptions)

    def changes_since(self, kind: str, revision: int) -> Sequence[Change]:
        """Changes of one kind after `revision`. Raises errors.Expired when they are not all known any more."""
        self.require_revision(revision)
        return [change for change in self._history if change.revision > revision and change.obj["kind"] == kind]

    def require_revision(self, revision: int) -> None:
        """Raises errors.Expired unless every change since `revision` is still known."""
        if not self._oldest <= revision <= self._revision:
            raise errors.Expired(revision, self._oldest)

    def list(
        self, kind: str, namespace: str | None = None, label_selector: str = "", field_selector: str = ""
    ) -> list[Obj]:
        """Copies, sorted by namespace and name; `namespace` None means all. Raises errors.BadRequest (bad selector)."""
        return [clone(obj) for obj in self.scan(kind, namespace, label_selector, field_selector)]

    def close(self) -> None:
        for subscription in list(self._subscriptions):
            subscription.close()
        self._db.close()

    def _stored(self, kind: str, namespace: str | None, name: str) -> Obj:
        space = (namespace or "default") if KINDS[kind].namespaced else ""
        obj = self._objects[kind].get((kind, space, name))
        if obj is None:
            raise errors.NotFound(kind, name)
        return obj

    def _add_builtins(self) -> None:
        """What a new cluster has, and one that was kept by an older emulator may lack."""
        for obj in builtins.objects():
            if key_of(obj) not in self._objects[obj["kind"]]:
                self.create(obj)
        for _, _, name in list(self._objects["Namespace"]):
            if ("ServiceAccount", name, "default") not in self._objects["ServiceAccount"]:
                with contextlib.suppress(errors.Forbidden):  # it is going away
                    self.create(new_service_account(name))

    def _write(self, type_: str, key: Key, obj: Obj, previous: Obj | None) -> Obj:
        revision = self._revision + 1
        obj["metadata"]["resourceVersion"] = str(revision)
        self._db.execute("BEGIN")
        self._db.execute("UPDATE revision SET value = ?", (revision,))
        if type_ == "DELETED":
            self._db.execute("DELETE FROM objects WHERE kind = ? AND namespace = ? AND name = ?", key)
            self._objects[key[0]].pop(key)
        else:
            self._db.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", (*key, json.dumps(obj)))
            self._objects[key[0]][key] = obj
        self._db.execute("COMMIT")
        self._revision = revision
        if len(self._history) == self._history.maxlen:
            self._oldest = self._history[0].revision
        change = Change(type_, obj, previous, revision)
        self._history.append(change)
        for subscription in tuple(self._subscriptions):
            subscription.offer(change)
        return clone(obj)

    def finish_namespace(self, name: str) -> None:
        """A namespace that is going away goes with the last object in it."""
        home = self._objects["Namespace"].get(("Namespace", "", name))
        if home is None or not home["metadata"].get("deletionTimestamp"):
            return
        if not any(key[1] == name for objects in self._objects.values() for key in objects):
            self.delete("Namespace", None, name)

    def _forget_old_events(self) -> None:
        """Events live for an hour; each new one takes the expired ones at the head of the line with it."""
        oldest = now(-_EVENT_LIFE_S)
        for key, event in list(self._objects["Event"].items())[:8]:
            if event["metadata"]["creationTimestamp"] < oldest:
                self._write("DELETED", key, clone(event), event)
