"""What is done with a running stage besides deploying it: look at it, roll it back, call a function.

In: a Context (no packages are needed). Out: data for the commands; only `rollback` and `invoke` do something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from deployer.context import Context, DeployError
from deployer.kinds._scf import DEFAULT, scf
from deployer.kinds.all import every_kind
from deployer.kinds.marks import is_ours
from deployer.kinds.release import point, traffic
from deployer.model import Foreign


@dataclass(frozen=True)
class FunctionState:
    """One declared function as it is now. `status` "absent": it is not there."""

    name: str
    status: str
    traffic: dict[str, int] = field(default_factory=dict)
    """Percent by version."""
    versions: tuple[str, ...] = ()
    """Published ones, oldest first."""
    triggers: tuple[str, ...] = ()
    """Type and name."""


@dataclass(frozen=True)
class Moved:
    """What a rollback did with one function: its traffic before and after."""

    name: str
    before: dict[str, int]
    after: str


@dataclass(frozen=True)
class Answer:
    """What Invoke told. `error` empty: the function returned `body`, as JSON text. Memory in bytes, time in ms."""

    body: str
    error: str
    log: str
    request_id: str
    duration_ms: float
    memory_bytes: int


def functions(context: Context) -> list[FunctionState]:
    """Of all declared functions."""
    reader = scf(context)
    states = []
    for name in context.declaration.functions:
        listed = reader.functions().get(name)
        if listed is None:
            states.append(FunctionState(name, "absent"))
            continue
        versions = tuple(str(each["Version"]) for each in reader.versions(name))
        triggers = tuple(f"{each['Type']} {each['TriggerName']}" for each in reader.triggers(name))
        states.append(FunctionState(name, listed["Status"], traffic(reader.alias(name) or {}), versions, triggers))
    return states


def outputs(context: Context) -> dict[str, str]:
    """What people and other systems need to know of the stage, by name, as far as the facts are known.

    They are after an apply; else `learn` reads them.
    """
    declaration = context.declaration
    known: dict[str, str] = {"namespace": declaration.namespace}
    known |= {name: value for name, value in sorted(context.facts.known.items()) if name.endswith(".url")}
    known |= {f"bucket/{key}": bucket.name for key, bucket in declaration.buckets.items()}
    known |= {f"topic/{name}": name for name in declaration.topics}
    known |= {name: value for name, value in sorted(context.facts.known.items()) if name.startswith(("logs/", "role/"))}
    known["cluster namespace"] = declaration.cluster.namespace
    known["image"] = declaration.image
    return known


def learn(context: Context, only: Sequence[str] = ()) -> None:
    """Fill the facts from what is there: all kinds, or those named. What is somebody else's tells nothing."""
    for kind in every_kind(context):
        if only and kind.kind not in only:
            continue
        for resource in kind.resources():
            try:
                kind.compare(resource)
            except Foreign as error:
                context.notes.append(str(error))


def to_roll_back(context: Context) -> list[str]:
    """Functions that a rollback without names is about, so that it undoes an apply and no more.

    Those whose new version only has a share of the traffic; where there are none, all that have a release before.
    Raises DeployError when there is nothing to go back to.
    """
    split, older = [], []
    for name in context.declaration.functions:
        _ours(context, name)
        main, *extra = traffic(scf(context).alias(name) or {})
        split += [name] if extra else []
        older += [name] if _before(main, _usable(context, name)) else []
    if not (chosen := split or older):
        raise DeployError("No function has a release before the one that has the traffic.")
    return chosen


def rollback(context: Context, names: Sequence[str], to: str | None = None) -> list[Moved]:
    """Move $DEFAULT of these functions to `to`, or to the release before the one that has the traffic.

    Raises DeployError, before anything is moved, when one of them has no such version.
    """
    targets = {name: _target(context, name, to) for name in names}
    moved = []
    for name, version in targets.items():
        alias = scf(context).alias(name) or {}
        before = traffic(alias)
        if before != {version: 100}:
            context.progress(f"rollback function/{name} to version {version} …")
            point(context, name, {version: 100}, str(alias.get("Description") or ""))
        moved.append(Moved(name, before, version))
    return moved


def invoke(context: Context, name: str, event: str, qualifier: str = DEFAULT) -> Answer:
    """Call it and wait for its answer, 300 s at most. `event` is JSON text. Raises DeployError if it is not there."""
    _ours(context, name)
    answer = context.cloud.once(
        "scf",
        "Invoke",
        Namespace=context.declaration.namespace,
        FunctionName=name,
        Qualifier=qualifier,
        InvocationType="RequestResponse",
        LogType="Tail",
        ClientContext=event,
    )
    result: dict[str, Any] = answer.get("Result") or {}
    return Answer(
        body=str(result.get("RetMsg") or ""),
        error=str(result.get("ErrMsg") or ""),
        log=str(result.get("Log") or ""),
        request_id=str(result.get("FunctionRequestId") or ""),
        duration_ms=float(result.get("Duration") or 0),
        memory_bytes=int(result.get("MemUsage") or 0),
    )


def _target(context: Context, name: str, to: str | None) -> str:
    _ours(context, name)
    versions = _usable(context, name)
    there = ", ".join(versions) or "none"
    if to is not None:
        if to not in versions:
            raise DeployError(f"Function {name} has no usable version {to}; it has: {there}.")
        return to
    main, *extra = traffic(scf(context).alias(name) or {})
    if extra:
        return main  # the new version only had a share
    older = _before(main, versions)
    if not older:
        raise DeployError(f"Function {name} has no release before {main}, which has the traffic; it has: {there}.")
    return older[-1]


def _usable(context: Context, name: str) -> list[str]:
    """Published versions, oldest first."""
    listed = scf(context).versions(name)
    return [str(each["Version"]) for each in listed if not str(each.get("Status") or "").endswith("Failed")]


def _before(main: str, versions: Sequence[str]) -> list[str]:
    return [version for version in versions if main.isdigit() and int(version) < int(main)]


def _ours(context: Context, name: str) -> None:
    if name not in context.declaration.functions:
        known = ", ".join(context.declaration.functions)
        raise DeployError(f"serverless.yml declares no function {name}; it declares: {known}.")
    listed = scf(context).functions().get(name)
    if listed is None:
        raise DeployError(f"Function {name} is not deployed in the stage {context.declaration.stage}: run apply first.")
    if not is_ours(listed.get("Tags"), context.declaration):
        raise Foreign(f"The function {name} was not made by patchmill-deploy.")
