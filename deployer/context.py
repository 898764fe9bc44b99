"""What every kind of resource is given: the declaration, the built packages, the cloud, and what became known so far.

In: the parts of one run of the deployer. Out: one `Context` that lives as long as a plan and its apply.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from deployer.model import Facts

if TYPE_CHECKING:
    from deployer.declaration import Declaration
    from deployer.packaging import Package

FIRST_POLL_S = 0.05
WAIT_S = 300.0


class DeployError(Exception):
    """A refusal in words for people: what is wrong, and what to do about it."""


class Cloud(Protocol):
    """What the kinds need of deployer.cloud.Cloud."""

    def call(self, service: str, action: str, **params: Any) -> dict[str, Any]:
        """The action's answer. Raises deployer.errors.CloudError."""

    def once(self, service: str, action: str, **params: Any) -> dict[str, Any]:
        """The same for what must not happen twice. Raises deployer.errors.CloudError."""

    def cos(self, bucket: str) -> Any:
        """That bucket (name-appid), as deployer.objectstore.ObjectStore."""

    def account(self) -> tuple[str, str]:
        """(app id, uin) of whoever is signed in."""


@dataclass
class Context:
    """`traffic` is the percentage that a new version gets; `allow_replace` lets a function be deleted and made anew."""

    declaration: Declaration
    packages: Mapping[str, Package]
    cloud: Cloud
    facts: Facts = field(default_factory=Facts)
    progress: Callable[[str], None] = lambda text: None
    poll_s: float = 2.0
    """The longest pause between two looks at a state that takes time; the first pauses are much shorter."""
    traffic: int = 100
    allow_replace: bool = False
    inline_bytes: int = 5_000_000
    """A zip up to this size travels in the request: a request may have 10 MB at most, and base64 adds a third."""
    notes: list[str] = field(default_factory=list)
    """Sentences about what a plan leaves as it is, and why."""
    cache: dict[str, Any] = field(default_factory=dict, repr=False)
    """What one plan has read already, by whoever put it there; emptied when a plan starts."""

    def package(self, kind: str, name: str) -> Package:
        """The package of a function or a layer by its key in serverless.yml."""
        for package in self.packages.values():
            if (package.kind, package.name) == (kind, name):
                return package
        raise DeployError(f"The package of {kind} {name} was not built.")

    def digest(self, kind: str, name: str) -> str:
        """Of that package; empty where nothing was built because nothing is sent (destroy, outputs)."""
        return self.package(kind, name).digest if self.packages else ""

    def wait(self, what: str, ready: Callable[[], bool], limit_s: float = WAIT_S) -> None:
        """Ask `ready` with growing pauses until it says so. Raises DeployError after `limit_s` seconds."""
        pause, deadline = FIRST_POLL_S, time.monotonic() + limit_s
        while not ready():
            if time.monotonic() > deadline:
                raise DeployError(
                    f"{what} took longer than {limit_s:g} s. Run the same command again: it goes on there."
                )
            time.sleep(min(pause, self.poll_s))
            pause *= 1.5
