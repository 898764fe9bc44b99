"""The deployer's engine: declaration → plan (only reads) → apply (executes the plan), and destroy.

In: a Context. Out: a Plan, or a changed cloud. Nothing is remembered on this machine: an apply that was killed
at any call is resumed by planning and applying again, because every kind finds what is half done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from deployer.context import Context, DeployError
from deployer.errors import CloudError, missing
from deployer.kinds.all import every_kind
from deployer.model import Foreign, Kind, Plan, Resource, Step
from deployer.packaging import check
from deployer.packaging.limits import REQUEST_ZIP_BYTES

DATA = {"bucket", "topic", "secret"}
"""Kinds that hold what can't be made again: only `destroy --with-data` deletes them."""
WITH_FUNCTION = {"release", "migrations"}
"""Kinds whose resources go with their function."""
SWEPT = "leftover"
FIRST_DELETED = "trigger"
"""What is not wanted of this kind goes before the wanted is made: COS refuses rules that overlap."""
DESTROY_ROUNDS = 3

Kinds = Callable[[Context], Sequence[Kind]]


def plan(context: Context, kinds: Kinds = every_kind) -> Plan:
    """What apply would do; `context.notes` says what stays as it is although it is not wanted.

    Raises DeployError when a limit is broken or the account is another one, Foreign when something is not ours,
    CloudError.
    """
    check_account(context)
    _check_packages(context)
    _start(context)
    kinds_here = kinds(context)
    steps: list[Step] = []
    foreign: list[str] = []
    for kind in kinds_here:
        if kind.kind == FIRST_DELETED:
            steps += _removals(kind)
        for resource in kind.resources():
            try:
                step = kind.compare(resource)
            except Foreign as error:
                foreign.append(str(error))
            else:
                steps += [step] if step else []
    if foreign:
        raise Foreign("\n".join(foreign))
    for kind in reversed(kinds_here):
        if kind.kind in DATA:
            context.notes += [_kept(each) for each in kind.orphans()]
        elif kind.kind != FIRST_DELETED:
            steps += _removals(kind)
    return Plan(context.declaration.stage, tuple(steps))


def apply(context: Context, wanted: Plan, kinds: Kinds = every_kind) -> None:
    """Execute the plan that was made with this very context. Raises DeployError, Foreign, CloudError.

    Whatever it raises, and wherever it is killed: the next plan and apply go on there.
    """
    if not context.allow_replace:
        _check_replacements(wanted)
    _execute(context, wanted.steps, kinds(context))
    if not wanted.steps:
        return
    context.cache.clear()
    swept = kinds(context)
    _execute(context, [step for kind in swept if kind.kind == SWEPT for step in _removals(kind)], swept)


def destroy_plan(context: Context, with_data: bool, kinds: Kinds = every_kind) -> Plan:
    """Deletes of all that is there and ours, in the reverse of the order in which it was made. Only reads."""
    check_account(context)
    _start(context)
    steps: list[Step] = []
    for kind in kinds(context):
        if kind.kind in WITH_FUNCTION:
            continue
        there = _there(context, kind)
        if kind.kind in DATA and not with_data:
            context.notes += [f"{each.id} is kept with its data (destroy --with-data deletes it)" for each in there]
        else:
            steps += [Step("delete", each) for each in there]
    return Plan(context.declaration.stage, tuple(reversed(steps)))


def destroy(context: Context, with_data: bool, kinds: Kinds = every_kind) -> None:
    """Delete what `destroy_plan` lists, and what only shows when that is gone (a layer that was in use)."""
    before: tuple[str, ...] = ()
    for _ in range(DESTROY_ROUNDS):
        steps = destroy_plan(context, with_data, kinds).steps
        names = tuple(step.resource.id for step in steps)
        if not steps or names == before:
            return
        _execute(context, steps, kinds(context))
        before = names


def check_account(context: Context) -> None:
    """Raises DeployError when the keys are of another account than the stage's."""
    wanted, (app_id, uin) = context.declaration.account, context.cloud.account()
    if (app_id, uin) != (wanted.app_id, wanted.uin):
        raise DeployError(
            f"The keys belong to the account {uin} (appId {app_id}), the stage {context.declaration.stage} to "
            f"{wanted.uin} (appId {wanted.app_id}). Use that account's keys, or correct `account` in the stage file."
        )


def _check_packages(context: Context) -> None:
    """Raises DeployError for what the platform would refuse after half the way."""
    if not context.packages:
        return
    functions = context.declaration.functions.items()
    check(context.packages, {name: function.layers for name, function in functions})
    for package in context.packages.values():
        if package.zip_bytes > REQUEST_ZIP_BYTES:
            raise DeployError(
                f"{package.id} has {package.zip_bytes / 1e6:.0f} MB zipped; the platform takes "
                f"{REQUEST_ZIP_BYTES / 1e6:.0f}. "
                "Leave something out, or split it into two layers."
            )


def _start(context: Context) -> None:
    context.facts.known.clear()
    context.cache.clear()
    context.notes.clear()


def _check_replacements(wanted: Plan) -> None:
    for step in wanted.steps:
        runtime = [change for change in step.changes if change.field == "runtime" and change.before]
        if step.action == "replace" and runtime:
            raise DeployError(
                f"{step.resource.id}: the platform can't change a function's runtime ({runtime[0].before} to "
                f"{runtime[0].after}). With --allow-replace it is deleted and made anew: its versions are lost, a "
                "Function URL gets another address, and until then nothing answers."
            )


def _removals(kind: Kind) -> list[Step]:
    """In the reverse of the order in which they were made."""
    return [Step("delete", each) for each in reversed(kind.orphans())]


def _kept(resource: Resource) -> str:
    return f"{resource.id} is no more declared; it is kept with its data, delete it in the console if it may go"


def _there(context: Context, kind: Kind) -> list[Resource]:
    """What is there of a kind, and ours. Nothing, where what holds it (the cluster, the Kafka instance) is gone."""
    try:
        return [*(each for each in kind.resources() if _is_ours(context, kind, each)), *kind.orphans()]
    except CloudError as error:
        if not missing(error):
            raise
        context.notes.append(f"{kind.kind}: counts as gone with what it was in ({error.service} says {error.code})")
        return []


def _is_ours(context: Context, kind: Kind, resource: Resource) -> bool:
    """It is there and not somebody else's."""
    try:
        step = kind.compare(resource)
    except Foreign as error:
        context.notes.append(f"{resource.id} is not ours and stays: {error}")
        return False
    return step is None or step.action != "create"


def _execute(context: Context, steps: Sequence[Step], kinds: Sequence[Kind]) -> None:
    by_name = {kind.kind: kind for kind in kinds}
    for number, step in enumerate(steps, 1):
        kind = by_name[step.resource.kind]
        work = partial(kind.delete, step.resource) if step.action == "delete" else partial(kind.apply, step)
        _timed(context, f"[{number}/{len(steps)}] {step.action} {step.resource.id}", work)


def _timed(context: Context, label: str, work: Callable[[], None]) -> None:
    began = time.monotonic()
    context.progress(f"{label} …")
    try:
        work()
    except BaseException:
        context.progress(f"{label} did not finish ({time.monotonic() - began:.1f} s)")
        raise
    context.progress(f"{label} ({time.monotonic() - began:.1f} s)")
