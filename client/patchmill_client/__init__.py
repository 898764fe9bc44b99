"""The Patchmill client: a small Python API (`Client`) and the `patchmill` command built on it."""

from patchmill_client.api import Client
from patchmill_client.errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    PatchmillError,
    UnauthorisedError,
    UnreachableError,
    UsageError,
)
from patchmill_client.model import (
    Artifact,
    LogChunk,
    Me,
    Patch,
    Span,
    Task,
    TaskFilter,
    TaskPage,
    TaskRequest,
    Timeline,
    Upload,
)

__all__ = [
    "Artifact",
    "BadRequestError",
    "Client",
    "ConflictError",
    "ForbiddenError",
    "LogChunk",
    "Me",
    "NotFoundError",
    "Patch",
    "PatchmillError",
    "Span",
    "Task",
    "TaskFilter",
    "TaskPage",
    "TaskRequest",
    "Timeline",
    "UnauthorisedError",
    "UnreachableError",
    "Upload",
    "UsageError",
]
