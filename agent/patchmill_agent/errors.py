"""What can go wrong in a way that its reader can act on. Texts are shown to users: no URL with a signature, no key."""

from __future__ import annotations


class SourceError(Exception):
    """The code to work on could not be had, or is not safe to unpack."""


class TransferError(Exception):
    """An upload or a download that failed for good. The text never holds the URL: it carries a signature."""


class PatchError(Exception):
    """No patch could be made. `reason` is one of the task's failure reasons."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
