"""The Patchmill client: a small Python API (`Client`) and the `patchmill` command built on it."""

from patchmill_client.api import Client
from patchmill_client.errors import (
    BadRequestError,
    ConflictError,
    NotFoundError,
    PatchmillError,
    UnauthorisedError,
    UnreachableError,
    UsageError,
)
from patchmill_client.model import Artifact, LogChunk, Patch, Task, TaskRequest, Upload

__all__ = [
    "Artifact",
    "BadRequestError",
    "Client",
    "ConflictError",
    "LogChunk",
    "NotFoundError",
    "Patch",
    "PatchmillError",
    "Task",
    "TaskRequest",
    "UnauthorisedError",
    "UnreachableError",
    "Upload",
    "UsageError",
]
