"""Errors that cross a module's edge.

SettingsError       a setting is missing or unusable: nothing works until somebody has mended it
PatchmillError
├── Unavailable     a hop that we need is down: repeat the whole event later
│   └── ApiRefused  Tencent's API said no, with its code
├── BadRecord       a message that can never be worked on: park it
├── MigrationFailed the database refused a migration's statement
└── ClusterError    the cluster refused one object, with its status and reason
    └── ClusterBusy refused for now (quota): put the task back
"""


class SettingsError(ValueError):
    """A setting that is missing or unusable; names it, never shows its value."""


class PatchmillError(Exception):
    """Base of the errors below."""


class Unavailable(PatchmillError):
    """MySQL, Kafka, COS, the cluster or the API does not answer. The caller may raise it: the platform repeats the
    event.
    """


class ApiRefused(Unavailable):
    """Tencent's API answered with an error. `code` is the platform's; an operator has to mend most of them."""

    def __init__(self, call: str, code: str, message: str, request_id: str) -> None:
        super().__init__(f"{call}: {code}: {message[:300]} (request {request_id or 'unknown'})")
        self.code = code


class BadRecord(PatchmillError):
    """A record that no repetition will make right."""


class MigrationFailed(PatchmillError):
    """A migration that the database did not take, with what it said."""


class ClusterError(PatchmillError):
    """The Kubernetes API answered with an error."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message[:500]}")
        self.status, self.reason, self.message = status, reason, message[:500]


class ClusterBusy(ClusterError):
    """A quota is used up: the same object may be accepted later."""
