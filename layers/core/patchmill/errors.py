"""Errors that cross a module's edge.

PatchmillError
├── Unavailable   a hop that we need is down: repeat the whole event later
├── BadRecord     a message that can never be worked on: park it
└── ClusterError  the cluster refused one object, with its status and reason
    └── ClusterBusy   refused for now (quota): put the task back
"""


class PatchmillError(Exception):
    """Base of the errors below."""


class Unavailable(PatchmillError):
    """MySQL, Kafka, COS or the cluster does not answer. The caller may raise it: the platform repeats the event."""


class BadRecord(PatchmillError):
    """A record that no repetition will make right."""


class ClusterError(PatchmillError):
    """The Kubernetes API answered with an error."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message[:500]}")
        self.status, self.reason, self.message = status, reason, message[:500]


class ClusterBusy(ClusterError):
    """A quota is used up: the same object may be accepted later."""
