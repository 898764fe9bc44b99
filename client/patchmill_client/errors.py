"""What can go wrong for a caller of Patchmill.

    PatchmillError
    ├── UsageError            what the user gave can't be used; nothing was sent        exit 2
    ├── BadRequestError       the server refused the request (4xx)                      exit 2
    │   ├── NotFoundError     no such task or artifact, or another tenant's
    │   └── ConflictError     the task's state, or a used idempotency key, forbids it
    ├── UnauthorisedError     the key is missing or wrong                               exit 4
    │   └── ForbiddenError    the key is right, and of somebody who may not do this
    ├── UnreachableError      no answer, or one that says the service is broken         exit 4
    └── DamagedError          what arrived is not what the server promised              exit 1

Every message is a sentence for a person. None holds the key or a presigned URL.
"""

from __future__ import annotations


class PatchmillError(Exception):
    """Base of all; `exit_code` is what the command ends with."""

    exit_code = 1


class UsageError(PatchmillError):
    exit_code = 2


class BadRequestError(PatchmillError):
    exit_code = 2


class NotFoundError(BadRequestError):
    pass


class ConflictError(BadRequestError):
    pass


class UnauthorisedError(PatchmillError):
    exit_code = 4


class ForbiddenError(UnauthorisedError):
    pass


class UnreachableError(PatchmillError):
    exit_code = 4


class DamagedError(PatchmillError):
    pass
