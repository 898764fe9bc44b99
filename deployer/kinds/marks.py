"""The ownership mark: how a resource in the cloud says which deployer, service and stage made it.

In: what the API tells of a resource, its tags or its description. Out: whether it is ours to change and to delete.
Every kind sets the mark in the very call that creates the resource, and asks here before it touches one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

MANAGER = "patchmill-deploy"
TAGS = ("managed-by", "service", "stage")


class Stage(Protocol):
    """What of a declaration the mark is made from."""

    @property
    def service(self) -> str: ...
    @property
    def stage(self) -> str: ...


def tags(declaration: Stage) -> dict[str, str]:
    """The mark of APIs that take tags at creation."""
    return dict(zip(TAGS, (MANAGER, declaration.service, declaration.stage), strict=True))


def tag_list(declaration: Stage, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """The same in the form of the API: [{"Key": …, "Value": …}], or with the field names that this API has."""
    return [{key: name, value: text} for name, text in tags(declaration).items()]


def mark_text(declaration: Stage) -> str:
    """The mark of APIs without tags, to stand in a Description or a Note; ASCII letters, blanks, `=`, `-`."""
    return " ".join(f"{name}={text}" for name, text in tags(declaration).items())


def is_ours(found: Mapping[str, str] | Iterable[Mapping[str, Any]] | str | None, declaration: Stage) -> bool:
    """True if the mark is this service's and this stage's.

    `found`: a text that contains the mark, tags by name, or a list of tags as any of the APIs gives them
    (Key/Value, TagKey/TagValue, key/value).
    """
    wanted = tags(declaration)
    present = _words(found) if isinstance(found, str) else _tags(found or {})
    return all(present.get(name) == text for name, text in wanted.items())


def _words(text: str) -> dict[str, str]:
    return dict(re.findall(r"(?:^|(?<=\s))([\w-]+)=(\S+)", text))


def _tags(found: Mapping[str, str] | Iterable[Mapping[str, Any]]) -> dict[str, str]:
    if isinstance(found, Mapping):
        return dict(found)
    return {str(_first(tag, "Key")): str(_first(tag, "Value")) for tag in found}


def _first(tag: Mapping[str, Any], name: str) -> Any:
    for spelling in (name, f"Tag{name}", name.lower()):
        if spelling in tag:
            return tag[spelling]
    return None
