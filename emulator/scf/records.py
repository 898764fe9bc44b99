"""What SCF remembers: namespaces, functions, their versions, aliases and triggers, layers. Plain data, kept as JSON.

States that take time are not changed by anybody: a record says from when on it is Active, or gone. So an emulator that
was killed in the middle has nothing to complete.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any

from emulator.documents import Document

LATEST, DEFAULT = "$LATEST", "$DEFAULT"
Json = dict[str, Any]


@dataclass(frozen=True)
class Namespace:
    name: str
    description: str
    added: float
    modified: float


@dataclass(frozen=True)
class LayerVersion:
    """One published version of a layer; `package` is the digest of its ZIP, sizes in bytes, times in epoch seconds."""

    name: str
    version: int
    package: str
    packed_bytes: int
    unpacked_bytes: int
    runtimes: list[str]
    description: str
    license: str
    tags: list[Json]
    added: float
    due: float

    @property
    def status(self) -> str:
        return "Active" if time.time() >= self.due else "Publishing"


@dataclass(frozen=True)
class LayerUse:
    """A layer as one version of a function has it: what was bound stays, also when the layer's version is deleted."""

    name: str
    version: int
    package: str
    unpacked_bytes: int


@dataclass(frozen=True)
class Function:
    """What all versions of a function share. `retries` and `max_age_s` are for its asynchronous events."""

    namespace: str
    name: str
    id: str
    runtime: str
    tags: list[Json]
    added: float
    next_version: int = 1
    retries: int = 2
    max_age_s: int = 6 * 3600
    reserved_mb: int | None = None
    extras: Json = field(default_factory=dict)
    """Settings that change nothing here and are given back as they came."""


@dataclass(frozen=True)
class Version:
    """What an instance is made of: $LATEST, or a published copy of it. `revision` counts the changes of $LATEST."""

    namespace: str
    function: str
    version: str
    handler: str
    description: str
    package: str
    packed_bytes: int
    unpacked_bytes: int
    memory_mb: int
    timeout_s: int
    init_timeout_s: int
    environment: dict[str, str] = field(repr=False)
    layers: tuple[LayerUse, ...]
    role: str
    cls_logset: str
    cls_topic: str
    ignore_sys_log: bool
    dead_letter: Json
    extras: Json
    revision: int
    added: float
    modified: float
    state: str
    """What it is until `due`: Creating, Updating, Publishing or Deleting."""
    due: float

    @property
    def status(self) -> str:
        return "Active" if time.time() >= self.due else self.state

    @property
    def gone(self) -> bool:
        return self.state == "Deleting" and time.time() >= self.due

    @classmethod
    def of(cls, document: Document) -> Version:
        return cls(**{**document, "layers": tuple(LayerUse(**use) for use in document["layers"])})


@dataclass(frozen=True)
class Alias:
    """`weights`: the share of events (0 to 1) of each further version; the rest goes to `version`."""

    namespace: str
    function: str
    name: str
    version: str
    weights: dict[str, float]
    description: str
    added: float
    modified: float


@dataclass(frozen=True)
class Trigger:
    """`desc` as it is listed, but for a URL's address; `id` names it for ever, and with it the address of a URL."""

    id: str
    namespace: str
    function: str
    qualifier: str
    name: str
    type: str
    desc: Json
    enabled: bool
    argument: str
    description: str
    added: float
    modified: float


def document(record: Any) -> Document:
    """The JSON of any of these."""
    return asdict(record)
