"""The emulator's part of `custom` in serverless.yml: what has to be there before a function runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.settings import SettingsError


@dataclass(frozen=True)
class Custom:
    """Everything is optional; other keys of `custom` are the project's own."""

    migrations: Path | None
    """Folder of numbered SQL files, given relative to serverless.yml."""
    topics: tuple[str, ...]
    """Kafka topics to create."""
    buckets: tuple[str, ...]
    """COS buckets to create, with APPID."""
    code_bucket: str | None
    logs_bucket: str | None
    """For the shell's environment."""
    namespace: str | None
    """Kubernetes namespace to create."""
    health: str | None
    """Path that the first HTTP function answers with 2xx when it is well."""

    @classmethod
    def read(cls, custom: Mapping[str, Any], project: Path) -> Custom:
        """Raises SettingsError, which names the key."""
        return cls(
            migrations=_folder(custom, "migrations", project),
            topics=_texts(custom, "topics"),
            buckets=_texts(custom, "buckets"),
            code_bucket=_text(custom, "code_bucket"),
            logs_bucket=_text(custom, "logs_bucket"),
            namespace=_text(custom, "namespace"),
            health=_text(custom, "health"),
        )


def _folder(custom: Mapping[str, Any], key: str, project: Path) -> Path | None:
    name = _text(custom, key)
    if name is None:
        return None
    if not (project / name).is_dir():
        raise SettingsError(f"serverless.yml: custom.{key}: no folder {project / name}")
    return project / name


def _text(custom: Mapping[str, Any], key: str) -> str | None:
    value = custom.get(key)
    if value is not None and not isinstance(value, str):
        raise SettingsError(f"serverless.yml: custom.{key} must be a text")
    return value


def _texts(custom: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = custom.get(key) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise SettingsError(f"serverless.yml: custom.{key} must be a list of texts")
    return tuple(values)
