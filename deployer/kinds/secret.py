"""Secrets of Secrets Manager: each one JSON object of settings, a new version whenever what it holds differs.

In: the declaration's secrets, and the values that whoever deploys has given. Out: secrets that are Enabled; the fact
secret/<key>.version, which is how functions name what they read. No value is ever shown: a plan tells which settings
change.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.context import Context, DeployError
from deployer.errors import CloudError
from deployer.kinds._ssm import PENDING, Ssm
from deployer.kinds._ssm import after as next_version
from deployer.kinds.marks import is_ours, mark_text, tag_list
from deployer.model import Change, Foreign, Resource, Step

MAX_BYTES = 32 * 1024  # SecretString of CreateSecret


@dataclass(frozen=True)
class Want:
    """`given` has a value, or "" for a setting that is said to have none; one that is missing stays as it is."""

    name: str
    settings: tuple[str, ...]
    given: Mapping[str, str] = field(repr=False, compare=False)


class SecretKind:
    """Marked in the description: DescribeSecret shows no tags, and CreateSecret may fail to set them (TagCode)."""

    kind = "secret"

    def __init__(self, context: Context) -> None:
        self._context, self._declaration = context, context.declaration
        self._ssm = Ssm(context)

    def resources(self) -> list[Resource]:
        declared = self._declaration
        return [
            Resource(self.kind, key, Want(declared.name(key), secret.settings, self._given(secret.settings)))
            for key, secret in declared.secrets.items()
        ]

    def compare(self, resource: Resource) -> Step | None:
        """Raises DeployError when a value is neither given nor there, and something is to be sent."""
        want: Want = resource.want
        status = self._status(want.name)
        if status is None:
            self._require(want, {})
            return Step("create", resource)
        if status != "Enabled":  # what it holds is not told
            return Step("update", resource, (Change("state", status, "Enabled"),))
        version, held = self._held(want.name)
        self._require(want, held)
        changes = _changes(held, _content(want, held))
        # Already now the version that apply will make: the functions that read it change with it.
        self._context.facts.known[f"secret/{resource.name}.version"] = next_version(version) if changes else version
        return Step("update", resource, changes) if changes else None

    def orphans(self) -> list[Resource]:
        prefix = self._declaration.name("")
        wanted = {self._declaration.name(key) for key in self._declaration.secrets}
        return [
            Resource(self.kind, found["SecretName"].removeprefix(prefix), None)
            for found in self._ssm.all(prefix)
            if found["SecretName"] not in wanted
            and found.get("Status") != PENDING
            and is_ours(found.get("Description"), self._declaration)
        ]

    def apply(self, step: Step) -> None:
        want: Want = step.resource.want
        status = self._status(want.name)
        version = self._create(want) if status is None else self._update(want, status)
        self._context.facts.known[f"secret/{step.resource.name}.version"] = version

    def delete(self, resource: Resource) -> None:
        """At once and for good, without a window for recovery. What is not ours is left alone."""
        name = self._declaration.name(resource.name)
        found = self._ssm.find(name)
        if found is None or not is_ours(found.get("Description"), self._declaration):
            return
        self._ssm.delete(name)
        self._context.wait(f"Deleting the secret {name}", lambda: self._ssm.find(name) is None)

    def _create(self, want: Want) -> str:
        self._require(want, {})
        text = _text(want, {})
        try:
            self._ssm.call(
                "CreateSecret",
                SecretName=want.name,
                VersionId="v1",
                Description=mark_text(self._declaration),
                SecretString=text,
                Tags=tag_list(self._declaration, "TagKey", "TagValue"),
            )
        except CloudError:  # it may have been made all the same, by this try or by one before
            status = self._status(want.name)
            if status is None:
                raise
            return self._update(want, status)
        self._context.wait(f"Secret {want.name}", lambda: self._status(want.name) == "Enabled")
        return "v1"

    def _update(self, want: Want, status: str) -> str:
        if status == PENDING:
            self._ssm.restore(want.name)
            status = self._status(want.name) or ""
        if status != "Enabled":
            self._ssm.call("EnableSecret", SecretName=want.name)
        version, held = self._held(want.name)
        self._require(want, held)
        return self._ssm.put(want.name, _text(want, held)) if _changes(held, _content(want, held)) else version

    def _status(self, name: str) -> str | None:
        """None: it is not there. Raises Foreign when it is there and not ours."""
        found = self._ssm.find(name)
        if found is None:
            return None
        if not is_ours(found.get("Description"), self._declaration):
            raise Foreign(
                f"The secret {name} is there and was not made by patchmill-deploy for this service and stage. Remove "
                "it, choose another service or stage name, or, if it is meant to be ours, set its description to: "
                + mark_text(self._declaration)
            )
        return str(found.get("Status") or "")

    def _held(self, name: str) -> tuple[str, dict[str, str]]:
        """The newest version ("" where there is none) and what it holds: nothing, where it is no object of texts."""
        version = self._ssm.newest(name)
        try:
            found = json.loads(self._ssm.value(name, version)) if version else {}
        except ValueError:
            found = {}
        return version, {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}

    def _require(self, want: Want, held: Mapping[str, str]) -> None:
        """Raises DeployError. Who only looks or destroys has built no packages, and needs no values either."""
        missing = [name for name in want.settings if name not in want.given and name not in held]
        if missing and self._context.packages:
            raise DeployError(
                f"The secret {want.name} needs values for {', '.join(missing)}. Set them in the environment or in the "
                f"stage's envFile; an empty one ({missing[0]}=) says that there is none."
            )

    def _given(self, settings: tuple[str, ...]) -> dict[str, str]:
        values, environ = self._declaration.secret_values, self._declaration.environ
        return {name: values.get(name, "") for name in settings if name in values or environ.get(name) == ""}


def _content(want: Want, held: Mapping[str, str]) -> dict[str, str]:
    """What the secret shall hold."""
    merged = {name: want.given.get(name, held.get(name, "")) for name in want.settings}
    return {name: value for name, value in merged.items() if value}


def _text(want: Want, held: Mapping[str, str]) -> str:
    text = json.dumps(_content(want, held), ensure_ascii=False, sort_keys=True)
    if len(text.encode()) > MAX_BYTES:
        raise DeployError(f"The settings of the secret {want.name} have together more than 32 KB.")
    return text


def _changes(held: Mapping[str, str], content: Mapping[str, str]) -> tuple[Change, ...]:
    """Names alone."""
    changes = []
    for name in sorted({*held, *content}):
        before, after = held.get(name, ""), content.get(name, "")
        if not hmac.compare_digest(before.encode(), after.encode()):
            told = "(changed)" if before and after else "(set)" if after else ""
            changes.append(Change(name, "(set)" if before else "", told))
    return tuple(changes)
