"""The records of SCF in the emulator's documents: looked up by name, changed one whole record at a time.

Keys are names joined by "/", which no name contains. Each change is durable when it returns (see emulator/documents).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from emulator.documents import Document, Documents
from emulator.scf.records import DEFAULT, LATEST, Alias, Function, LayerVersion, Namespace, Trigger, Version, document

NAMESPACES, FUNCTIONS, VERSIONS, ALIASES = "scf-namespace", "scf-function", "scf-version", "scf-alias"
TRIGGERS, LAYERS, COUNTERS = "scf-trigger", "scf-layer", "scf-layer-counter"
_HOME = Namespace("default", "", 0.0, 0.0)
"""Every account has this one from the start, and it cannot be deleted."""


class Registry:
    """One thread's at a time, like the documents. None stands for what is not there, or deleted."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def namespaces(self) -> list[Namespace]:
        found = [Namespace(**one) for one in self._documents.all(NAMESPACES).values()]
        return found if any(one.name == _HOME.name for one in found) else [_HOME, *found]

    def namespace(self, name: str) -> Namespace | None:
        found = self._documents.get(NAMESPACES, name)
        return Namespace(**found) if found else _HOME if name == _HOME.name else None

    def function(self, namespace: str, name: str) -> Function | None:
        found = self._documents.get(FUNCTIONS, f"{namespace}/{name}")
        latest = self._documents.get(VERSIONS, f"{namespace}/{name}/{LATEST}")
        if found is None or latest is None:
            return None
        if Version.of(latest).gone:
            self.remove_function(namespace, name)
            return None
        return Function(**found)

    def functions(self, namespace: str | None = None) -> Iterator[Function]:
        """Those of one namespace, or all."""
        for key in self._documents.all(FUNCTIONS):
            owner, _, name = key.partition("/")
            if namespace in (None, owner) and (found := self.function(owner, name)):
                yield found

    def version(self, namespace: str, function: str, version: str) -> Version | None:
        found = self._documents.get(VERSIONS, f"{namespace}/{function}/{version}")
        return Version.of(found) if found and not Version.of(found).gone else None

    def versions(self, namespace: str, function: str) -> list[Version]:
        """$LATEST, then the published ones, oldest first."""
        found = [Version.of(one) for one in self._below(VERSIONS, namespace, function)]
        return sorted(found, key=lambda one: -1 if one.version == LATEST else int(one.version))

    def all_versions(self) -> list[Version]:
        return [Version.of(one) for one in self._documents.all(VERSIONS).values()]

    def alias(self, namespace: str, function: str, name: str) -> Alias | None:
        found = self._documents.get(ALIASES, f"{namespace}/{function}/{name}")
        return Alias(**found) if found else None

    def aliases(self, namespace: str, function: str) -> list[Alias]:
        """$DEFAULT first, which every function has."""
        found = [Alias(**one) for one in self._below(ALIASES, namespace, function)]
        return sorted(found, key=lambda one: (one.name != DEFAULT, one.name))

    def triggers(self, namespace: str | None = None, function: str | None = None) -> list[Trigger]:
        """Those of one function, oldest first, or all."""
        if namespace is None or function is None:
            found = [Trigger(**one) for one in self._documents.all(TRIGGERS).values()]
        else:
            found = [Trigger(**one) for one in self._below(TRIGGERS, namespace, function)]
        return sorted(found, key=lambda one: (one.added, one.id))

    def layer(self, name: str, version: int) -> LayerVersion | None:
        found = self._documents.get(LAYERS, f"{name}/{version}")
        return LayerVersion(**found) if found else None

    def layers(self) -> dict[str, list[LayerVersion]]:
        """The versions of each layer, oldest first."""
        found: dict[str, list[LayerVersion]] = {}
        for one in self._documents.all(LAYERS).values():
            found.setdefault(one["name"], []).append(LayerVersion(**one))
        return {name: sorted(versions, key=lambda one: one.version) for name, versions in found.items()}

    def next_layer_version(self, name: str) -> int:
        """A number is never given twice, also when its version was deleted."""
        counter = self._documents.get(COUNTERS, name)
        return 1 if counter is None else int(counter["next"])

    def put(self, record: Namespace | Function | Version | Alias | Trigger | LayerVersion) -> None:
        """Create it, or replace the one with its name."""
        if isinstance(record, LayerVersion):  # the counter first: a number may be lost, but not be given twice
            self._documents.put(COUNTERS, record.name, {"next": record.version + 1})
        kind, key = _place(record)
        self._documents.put(kind, key, document(record))

    def remove(self, record: Namespace | Version | Alias | Trigger | LayerVersion) -> None:
        self._documents.delete(*_place(record))

    def remove_function(self, namespace: str, name: str) -> None:
        """With all that belongs to it; what makes it a function goes last, so a half-done removal is done again."""
        for kind in (TRIGGERS, ALIASES):
            for key in self._keys(kind, namespace, name):
                self._documents.delete(kind, key)
        for version in self.versions(namespace, name):
            if version.version != LATEST:
                self.remove(version)
        self._documents.delete(VERSIONS, f"{namespace}/{name}/{LATEST}")
        self._documents.delete(FUNCTIONS, f"{namespace}/{name}")

    def packages(self, versions: Iterable[Version]) -> set[str]:
        """The digests of every ZIP that a layer or one of these versions refers to."""
        used = {layer.package for known in self.layers().values() for layer in known}
        for version in versions:
            used |= {version.package, *(use.package for use in version.layers)}
        return used

    def _keys(self, kind: str, namespace: str, function: str) -> list[str]:
        return list(self._documents.all(kind, f"{namespace}/{function}"))

    def _below(self, kind: str, namespace: str, function: str) -> list[Document]:
        return list(self._documents.all(kind, f"{namespace}/{function}").values())


def _place(record: Namespace | Function | Version | Alias | Trigger | LayerVersion) -> tuple[str, str]:
    if isinstance(record, Namespace):
        return NAMESPACES, record.name
    if isinstance(record, LayerVersion):
        return LAYERS, f"{record.name}/{record.version}"
    if isinstance(record, Function):
        return FUNCTIONS, f"{record.namespace}/{record.name}"
    below = f"{record.namespace}/{record.function}"
    if isinstance(record, Version):
        return VERSIONS, f"{below}/{record.version}"
    if isinstance(record, Alias):
        return ALIASES, f"{below}/{record.name}"
    return TRIGGERS, f"{below}/{record.id}"
