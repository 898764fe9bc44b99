"""Releases: a published version for what $LATEST now is, and $DEFAULT (the traffic) moved to it.

In: functions whose $LATEST is as wanted. Out: the alias at a version with the wanted fingerprint, at 100 % or at the
share that --traffic asks for. A version tells in its description what it was made from: a killed apply finds it again.
"""

from __future__ import annotations

import re
from typing import Any

from deployer.context import Context, DeployError
from deployer.errors import CloudError
from deployer.kinds._config import wanted
from deployer.kinds._scf import DEFAULT, LATEST, failed, scf
from deployer.model import UNKNOWN, Change, Resource, Step


class ReleaseKind:
    """Goes with its function: nothing of its own to mark or to delete."""

    kind = "release"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._scf = scf(context)

    def resources(self) -> list[Resource]:
        return [Resource(self.kind, name, each) for name, each in self._context.declaration.functions.items()]

    def compare(self, resource: Resource) -> Step | None:
        """The step's changes name versions, and the share of the traffic where it is split."""
        alias = self._scf.alias(resource.name)
        if alias is None:
            return Step("create", resource)
        version = self._released(resource)
        before, after = traffic(alias), self._traffic(alias, version or UNKNOWN)
        if before == after:
            self._context.facts.known[f"function/{resource.name}.version"] = str(version)
            return None
        return Step("update", resource, (Change("traffic", _told(before), _told(after)),))

    def orphans(self) -> list[Resource]:
        return []

    def apply(self, step: Step) -> None:
        resource = step.resource
        document = self._scf.settle(resource.name)
        if document is None:
            raise DeployError(f"Function {resource.name} is gone: somebody deletes it at this very time.")
        if error := failed(document, resource.name):
            raise error
        version = self._released(resource) or self._publish(resource)
        alias = self._scf.alias(resource.name) or {}
        shares = self._traffic(alias, version)
        if shares != traffic(alias):
            point(self._context, resource.name, shares, str(alias.get("Description") or ""))
        self._context.facts.known[f"function/{resource.name}.version"] = version

    def delete(self, resource: Resource) -> None:
        """Nothing: versions and alias go with the function."""

    def _released(self, resource: Resource) -> str | None:
        """The oldest version that was made from exactly this; None if there is none yet, or it can't be known."""
        config = wanted(self._context, resource.want)
        if not config.known:
            return None
        for version in self._scf.versions(resource.name):
            usable = not str(version.get("Status") or "").endswith("Failed")
            if usable and fingerprint_in(version) == config.fingerprint():
                return str(version["Version"])
        return None

    def _publish(self, resource: Resource) -> str:
        """Look before saying that it failed: an error may come after the version was made."""
        config = wanted(self._context, resource.want)
        used = " ".join(f"{_plain(layer)} {version}" for layer, version in config.layers)
        try:
            self._scf.call(
                "PublishVersion",
                FunctionName=resource.name,
                Description=f"release {config.fingerprint()}, layers {used}".rstrip(),
            )
        except CloudError:
            self._scf.settle(resource.name)
            if self._released(resource) is None:
                raise
        document = self._scf.settle(resource.name)
        if document and (error := failed(document, resource.name)):
            raise error
        self._context.wait(f"Publishing a version of {resource.name}", lambda: self._usable(resource))
        version = self._released(resource)
        if version is None:
            raise DeployError(f"Function {resource.name}: the version that was just published is gone again.")
        return version

    def _usable(self, resource: Resource) -> bool:
        self._scf.forget()
        version = self._released(resource)
        listed = (each for each in self._scf.versions(resource.name) if each["Version"] == version)
        return any(str(each.get("Status") or "Active") == "Active" for each in listed)

    def _traffic(self, alias: dict[str, Any], version: str) -> dict[str, int]:
        """What the alias should say. A share needs a release that had the traffic before."""
        main = str(alias.get("FunctionVersion") or LATEST)
        if self._context.traffic >= 100 or main in (LATEST, version):
            return {version: 100}
        return {main: 100 - self._context.traffic, version: self._context.traffic}


def traffic(alias: dict[str, Any]) -> dict[str, int]:
    """Percent by version, the alias's main version first."""
    extra = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or []
    shares = {str(each["Version"]): round(float(each["Weight"]) * 100) for each in extra if float(each["Weight"]) > 0}
    return {str(alias.get("FunctionVersion") or LATEST): 100 - sum(shares.values()), **shares}


def point(context: Context, name: str, shares: dict[str, int], description: str) -> None:
    """Move $DEFAULT. `shares` as from `traffic`: the first is the main version, at most one more."""
    scf(context).settle(name)
    main, *extra = shares
    weights = [{"Version": version, "Weight": shares[version] / 100} for version in extra]
    scf(context).call(
        "UpdateAlias",
        FunctionName=name,
        Name=DEFAULT,
        FunctionVersion=main,
        RoutingConfig={"AdditionalVersionWeights": weights},
        Description=description,
    )


def fingerprint_in(version: dict[str, Any]) -> str:
    """What the published version was made from, or an empty text."""
    match = re.match(r"release ([0-9a-f]{16})\b", str(version.get("Description") or ""))
    return match[1] if match else ""


def layers_in(version: dict[str, Any]) -> set[tuple[str, int]]:
    """(layer, version) of all layers that the published version uses, as its description tells."""
    _, _, used = str(version.get("Description") or "").partition(", layers ")
    words = used.split()
    pairs = zip(words[::2], words[1::2], strict=False)
    return {(layer.replace(".", "-").replace(",", "_"), int(number)) for layer, number in pairs if number.isdigit()}


def _plain(layer: str) -> str:
    """A layer's name in the letters that SCF allows in a description."""
    return layer.replace("-", ".").replace("_", ",")


def _told(shares: dict[str, int]) -> str:
    return ", ".join(f"version {version}: {share} %" for version, share in shares.items())
