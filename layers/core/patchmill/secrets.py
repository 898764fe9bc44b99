"""Secret settings: references in, values out. They are read at cold start, kept in memory, and never put anywhere else.

PATCHMILL_SECRETS is "name#version,name#version": each a secret of Tencent's Secrets Manager whose text is a JSON
object of settings. A version never changes, so it is read once; a new one comes with a new deployment.

They are read one after the other over one connection. Against an API that thinks for 20 ms, over TLS and on one core,
two take 53 ms and one takes 29; two threads would take 34, but for a handshake more on what an instance has of a core.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from patchmill.adapters.cloudapi import Api
from patchmill.errors import SettingsError

VARIABLE = "PATCHMILL_SECRETS"


def with_secrets(environ: Mapping[str, str], api: Api) -> dict[str, str]:
    """`environ` and, below it, what its secrets hold: a setting of the environment wins, an empty one does not count.

    Raises Unavailable when the Secrets Manager does not give them (nothing is kept then), SettingsError when they are
    of no use. No text of an error holds any of their content.
    """
    values: dict[str, str] = {}
    for name, version in references(environ.get(VARIABLE, "")):
        answer = api.call("ssm", "GetSecretValue", SecretName=name, VersionId=version)
        values |= _settings(name, answer.get("SecretString"))
    return {**values, **{name: value for name, value in environ.items() if value}}


def references(text: str) -> list[tuple[str, str]]:
    """(name, version) of each; raises SettingsError."""
    found = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, mark, version = word.partition("#")
        if not (name and mark and version):
            raise SettingsError(f"{VARIABLE} is not of the form name#version,name#version")
        found.append((name, version))
    return found


def _settings(name: str, text: object) -> dict[str, str]:
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise SettingsError(f"the secret {name} is not a JSON object of texts") from None
    return found
