"""Functions: their $LATEST code and configuration, asynchronous settings and reserved concurrency; no traffic yet.

In: the declaration, and the facts of layers, secrets and logs. Out: functions that are Active. The code's digest stands
in the description, which is set last: a killed apply sees what is missing.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from deployer.context import Context, DeployError
from deployer.errors import CloudError, missing
from deployer.kinds._config import Config, found, wanted
from deployer.kinds._content import content
from deployer.kinds._diff import changes
from deployer.kinds._scf import failed, scf
from deployer.kinds.marks import is_ours, tag_list
from deployer.model import Change, Foreign, Resource, Step

FRESH = ", fresh"
"""Ends the description of a function that was made but not yet configured to the end."""
ASYNC_RETRIES, ASYNC_MAX_AGE_S = 2, 6 * 3600
"""What the platform does where nothing was set: cloud.tencent.com/document/product/583/41138."""
ROLE_S = 20.0
_ROLE_UNKNOWN = ("ResourceNotFound.Role", "InvalidParameter.RoleCheck", "UnauthorizedOperation.Role")
"""How SCF says that it can't use a role (errorcodes.py of the SDK)."""


class FunctionKind:
    """Marked by tags."""

    kind = "function"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._scf = scf(context)

    def resources(self) -> list[Resource]:
        return [Resource(self.kind, name, each) for name, each in self._context.declaration.functions.items()]

    def compare(self, resource: Resource) -> Step | None:
        """A function whose runtime differs can only be replaced: the API doesn't change one."""
        name = resource.name
        document = self._scf.function(name)
        if document is None:
            return Step("create", resource)
        if not is_ours(document.get("Tags"), self._context.declaration):
            raise Foreign(
                f"The function {name} in the namespace {self._scf.namespace} was not made by patchmill-deploy. Delete "
                "it, or choose another stage name."
            )
        after = wanted(self._context, resource.want)
        before = self._without_dead_letter(found(document), after)
        if document["Status"] == "CreateFailed" or before.runtime != after.runtime:
            self._scf.replaced.add(name)
            return Step("replace", resource, changes(before.texts(), after.texts()))
        differ = (
            *changes(before.texts(), after.texts()),
            *self._asynchronous(resource),
            *self._reserved(resource),
            *((Change("state", document["Status"], "Active"),) if failed(document, name) else ()),
        )
        return Step("update", resource, differ) if differ else None

    def orphans(self) -> list[Resource]:
        ours = (name for name, each in self._scf.functions().items() if self._is_ours(each))
        return [Resource(self.kind, name, None) for name in ours if name not in self._context.declaration.functions]

    def apply(self, step: Step) -> None:
        name = step.resource.name
        if step.action == "replace":
            self.delete(step.resource)
        document = self._scf.settle(name)
        if document is None:
            document = self._create(step.resource)
        after = wanted(self._context, step.resource.want)
        before = self._without_dead_letter(found(document), after)
        broken = failed(document, name) is not None
        if broken or (before.digest, before.handler) != (after.digest, after.handler):
            self._update_code(name, after)
        if broken or before != after:
            self._update_configuration(name, after, bool(before.layers))
        self._set_asynchronous(step)
        self._set_reserved(step)

    def delete(self, resource: Resource) -> None:
        """With all its versions; its triggers first, since a bucket or a consumer group could keep half of one."""
        name = resource.name
        if self._scf.settle(name) is None:
            return
        self._must_be_ours(name)
        for trigger in self._scf.triggers(name):
            delete_trigger(self._context, name, trigger)
        _ignoring_missing(self._scf, "DeleteFunction", FunctionName=name)
        self._context.wait(f"Deleting function {name}", lambda: self._scf.settle(name) is None)

    def _create(self, resource: Resource) -> dict[str, Any]:
        want = wanted(self._context, resource.want)
        with content(self._context, self._context.package("function", resource.name)) as code:
            try:
                self._call(
                    "CreateFunction",
                    FunctionName=resource.name,
                    Description=want.description + FRESH,
                    Runtime=want.runtime,
                    Handler=want.handler,
                    Type="Event",
                    CodeSource="ZipFile" if "ZipFile" in code else "Cos",
                    Code=code,
                    Tags=tag_list(self._context.declaration),
                    **want.request(),
                )
            except CloudError:
                self._scf.forget()
                if self._scf.function(resource.name) is None:
                    raise
            self._must_be_ours(resource.name)
            return self._active(resource.name)

    def _without_dead_letter(self, has: Config, want: Config) -> Config:
        """Where none is declared, one that is there stays: the API has no way to take it away."""
        return has if want.dead_letter[0] else replace(has, dead_letter=want.dead_letter)

    def _update_code(self, name: str, want: Config) -> None:
        with content(self._context, self._context.package("function", name)) as code:
            self._change(
                "UpdateFunctionCode",
                name,
                Handler=want.handler,
                CodeSource="ZipFile" if "ZipFile" in code else "Cos",
                Code=code,
            )

    def _update_configuration(self, name: str, want: Config, had_layers: bool) -> None:
        """IgnoreSysLog keeps the platform's own lines, among them each answer's body, out of the logs."""
        params = want.request()
        if not want.layers:  # the API's way to take the last one off
            params["Layers"] = [{"LayerName": "", "LayerVersion": 0}] if had_layers else []
        self._change("UpdateFunctionConfiguration", name, Description=want.description, IgnoreSysLog=True, **params)

    def _change(self, action: str, name: str, **params: Any) -> None:
        """Once more if the platform was busy: with this very change, perhaps, from a request that seemed to fail."""
        try:
            self._call(action, FunctionName=name, **params)
        except CloudError as error:
            if not error.code.startswith(("ResourceUnavailable", "FailedOperation", "ResourceInUse")):
                raise
            self._active(name)
            self._call(action, FunctionName=name, **params)
        self._active(name)

    def _call(self, action: str, **params: Any) -> None:
        """A role that was made a moment ago takes some seconds until all of the platform knows it: again until then."""
        deadline = time.monotonic() + ROLE_S
        while True:
            try:
                self._scf.call(action, **params)
                return
            except CloudError as error:
                if not error.code.startswith(_ROLE_UNKNOWN) or time.monotonic() > deadline:
                    raise
            time.sleep(min(1.0, self._context.poll_s))

    def _active(self, name: str) -> dict[str, Any]:
        document = self._scf.settle(name)
        if document is None:
            raise DeployError(f"Function {name} is gone: somebody deletes it at this very time.")
        if error := failed(document, name):
            raise error
        return document

    def _asynchronous(self, resource: Resource) -> tuple[Change, ...]:
        want = _asynchronous_of(resource)
        if not want:
            return ()
        retries, max_age_s = self._queue(resource.name)
        has = {"retries": str(retries), "max age": f"{max_age_s} s"}
        return changes({name: has[name] for name in want}, want)

    def _set_asynchronous(self, step: Step) -> None:
        """Both, also where one is declared: the API takes neither alone (`required` in the vendor's definitions)."""
        name, want = step.resource.name, step.resource.want.asynchronous
        if not _asynchronous_of(step.resource) or not _concerns(step, "retries", "max age"):
            return
        retries, max_age_s = self._queue(name)
        config = {
            "RetryConfig": [{"RetryNum": retries if want.retries is None else want.retries}],
            "MsgTTL": max_age_s if want.max_age_s is None else want.max_age_s,
        }
        self._scf.call("UpdateFunctionEventInvokeConfig", FunctionName=name, AsyncTriggerConfig=config)

    def _queue(self, name: str) -> tuple[int, int]:
        """Retries and longest age in seconds that its queued events have now."""
        answer = self._context.cloud.call(
            "scf", "GetFunctionEventInvokeConfig", FunctionName=name, Namespace=self._scf.namespace
        )
        config = answer.get("AsyncTriggerConfig") or {}
        retries = next((each.get("RetryNum") for each in config.get("RetryConfig") or []), None)
        max_age_s = config.get("MsgTTL")
        return ASYNC_RETRIES if retries is None else int(retries), int(max_age_s or ASYNC_MAX_AGE_S)

    def _reserved(self, resource: Resource) -> tuple[Change, ...]:
        has = int(self._scf.functions()[resource.name].get("ReservedConcurrencyMem") or 0)
        return changes({"reserved memory": f"{has} MB"}, {"reserved memory": f"{_reserved_mb(resource)} MB"})

    def _set_reserved(self, step: Step) -> None:
        name, memory = step.resource.name, _reserved_mb(step.resource)
        if memory and _concerns(step, "reserved memory"):
            self._scf.call("PutReservedConcurrencyConfig", FunctionName=name, ReservedConcurrencyMem=memory)
        elif step.action == "update" and _concerns(step, "reserved memory"):
            self._scf.call("DeleteReservedConcurrencyConfig", FunctionName=name)

    def _is_ours(self, document: dict[str, Any]) -> bool:
        return is_ours(document.get("Tags"), self._context.declaration)

    def _must_be_ours(self, name: str) -> None:
        document = self._scf.function(name)
        if document is not None and not self._is_ours(document):
            raise Foreign(
                f"The function {name} in the namespace {self._scf.namespace} was not made by patchmill-deploy."
            )


def delete_trigger(context: Context, function: str, trigger: dict[str, Any]) -> None:
    """By what ListTriggers told of it. It is no error when it is gone."""
    _ignoring_missing(
        scf(context),
        "DeleteTrigger",
        FunctionName=function,
        TriggerName=trigger["TriggerName"],
        Type=trigger["Type"],
        TriggerDesc=trigger["TriggerDesc"],
        Qualifier=trigger["Qualifier"],
    )


def _ignoring_missing(reader: Any, action: str, **params: Any) -> None:
    try:
        reader.call(action, **params)
    except CloudError as error:
        if not missing(error):
            raise


def _concerns(step: Step, *fields: str) -> bool:
    """A new function gets everything, another only what the plan says."""
    return step.action != "update" or any(change.field in fields for change in step.changes)


def _asynchronous_of(resource: Resource) -> dict[str, str]:
    setting = resource.want.asynchronous
    if setting is None:
        return {}
    told = {"retries": setting.retries, "max age": setting.max_age_s and f"{setting.max_age_s} s"}
    return {name: str(value) for name, value in told.items() if value is not None}


def _reserved_mb(resource: Resource) -> int:
    """Reserved concurrency is counted in memory: instances x memory of one."""
    return (resource.want.concurrency or 0) * int(resource.want.memory_mb)
