"""States, quotas and counts: what takes time, what there may be of each, what is there again in a listing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.api.action import ApiError
from emulator.scf import ScfSettings
from tests.support.scf import Cloud, Code, packed, run_scf, until, zipped

CODE = {"ZipFile": packed({"index.py": "main_handler = print"})}
ZIP = zipped({"a.py": ""})
LAYER = {"CompatibleRuntimes": ["Python3.10"], "Content": {"ZipFile": base64.b64encode(ZIP).decode()}}
CHANGES: dict[str, dict[str, Any]] = {
    "UpdateFunctionCode": {"Code": CODE},
    "UpdateFunctionConfiguration": {"Timeout": 9},
    "PublishVersion": {},
    "CreateTrigger": {"TriggerName": "tick", "Type": "timer", "TriggerDesc": "0 0 0 * * * *"},
    "CreateAlias": {"Name": "blue", "FunctionVersion": "$LATEST"},
    "Invoke": {},
    "DeleteFunction": {},
}


def refused(act: Callable[[], Any]) -> str:
    with pytest.raises(ApiError) as error:
        act()
    return error.value.code


def create(cloud: Cloud, **params: Any) -> None:
    cloud.api("CreateFunction", Runtime="Python3.10", Handler="index.main_handler", Code=CODE, **params)


def test_function_that_is_not_active_cannot_be_changed(tmp_path: Path) -> None:
    busy = "FailedOperation.FunctionStatusError"
    with run_scf(tmp_path, {}, settings=ScfSettings(activation_s=0.8)) as cloud:
        create(cloud, FunctionName="slow")
        for action, params in CHANGES.items():
            assert refused(lambda: cloud.api(action, FunctionName="slow", **params)) == busy, action  # noqa: B023
        states = [state(cloud)]
        for action in ("UpdateFunctionCode", "PublishVersion", "DeleteFunction"):
            wait_until_active(cloud)
            cloud.api(action, FunctionName="slow", **CHANGES[action])
            states.append(state(cloud))
        assert states == ["Creating", "Updating", "Publishing", "Deleting"]
        assert refused(lambda: create(cloud, FunctionName="slow")) == "ResourceInUse.Function"
        wait_until_active(cloud)
        assert cloud.api("ListFunctions")["TotalCount"] == 0


def state(cloud: Cloud) -> str:
    found: str = cloud.api("GetFunction", FunctionName="slow")["Status"]
    return found


def wait_until_active(cloud: Cloud) -> None:
    """Or gone."""

    def settled() -> bool:
        listed = cloud.api("ListFunctions")["Functions"]
        return all(one["Status"] == "Active" for one in listed)

    until(settled)


def test_layer_is_published_active_after_a_while_and_numbered_for_ever(tmp_path: Path) -> None:
    with run_scf(tmp_path, {}, settings=ScfSettings(activation_s=0.2)) as cloud:
        assert cloud.api("PublishLayerVersion", LayerName="lib", **LAYER) == {"LayerVersion": 1}
        told = cloud.api("GetLayerVersion", LayerName="lib", LayerVersion=1)
        assert (told["Status"], told["CodeSha256"]) == ("Publishing", hashlib.sha256(ZIP).hexdigest())
        bound = [{"LayerName": "lib", "LayerVersion": 1}]
        code = refused(lambda: create(cloud, FunctionName="made", Layers=bound))
        assert code == "InvalidParameterValue.Layers"
        assert httpx.get(told["Location"]).content == ZIP
        cloud.api("DeleteLayerVersion", LayerName="lib", LayerVersion=1)
        assert cloud.api("ListLayers")["TotalCount"] == 0
        assert cloud.api("PublishLayerVersion", LayerName="lib", **LAYER) == {"LayerVersion": 2}
        assert [one["LayerVersion"] for one in cloud.api("ListLayerVersions", LayerName="lib")["LayerVersions"]] == [2]


def test_layers_namespaces_and_functions_are_counted(tmp_path: Path) -> None:
    with run_scf(tmp_path, {}) as cloud:
        for number in range(20):
            cloud.api("PublishLayerVersion", LayerName=f"lib-{number}x", **LAYER)
        assert refused(lambda: cloud.api("PublishLayerVersion", LayerName="more", **LAYER)) == "LimitExceeded.Layers"
        for number in range(4):
            cloud.api("CreateNamespace", Namespace=f"space-{number}")
        assert refused(lambda: cloud.api("CreateNamespace", Namespace="more")) == "LimitExceeded.Namespace"
        for number in range(50):
            create(cloud, FunctionName=f"function-{number}", Namespace="space-0")
        assert refused(lambda: create(cloud, FunctionName="more", Namespace="space-0")) == "LimitExceeded.Function"
        assert cloud.api("ListFunctions", Namespace="space-0", Limit=7, Offset=49)["TotalCount"] == 50
        assert len(cloud.api("ListFunctions", Namespace="space-0", Limit=7, Offset=49)["Functions"]) == 1
        usage = cloud.api("GetAccount")["AccountUsage"]
        assert [one["FunctionsCount"] for one in usage["Namespace"] if one["Namespace"] == "space-0"] == [50]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with run_scf(tmp_path, {"there": Code()}) as running:
        yield running


def test_namespace_with_functions_stays(cloud: Cloud) -> None:
    cloud.api("CreateNamespace", Namespace="shop-dev", Description="managed-by=somebody service=shop")
    create(cloud, FunctionName="made", Namespace="shop-dev")
    assert refused(lambda: cloud.api("DeleteNamespace", Namespace="shop-dev")) == "ResourceInUse.Namespace"
    assert refused(lambda: cloud.api("CreateNamespace", Namespace="shop-dev")) == "ResourceInUse.Namespace"
    assert cloud.api("Invoke", FunctionName="made", Namespace="shop-dev")["Result"]["InvokeResult"] == 0
    cloud.api("DeleteFunction", FunctionName="made", Namespace="shop-dev")
    cloud.api("DeleteNamespace", Namespace="shop-dev")
    assert [one["Name"] for one in cloud.api("ListNamespaces")["Namespaces"]] == ["default"]
    assert (
        refused(lambda: cloud.api("DeleteNamespace", Namespace="default")) == "InvalidParameterValue.DefaultNamespace"
    )


def test_reserved_concurrency_leaves_some_to_others(cloud: Cloud) -> None:
    def reserve(memory: int) -> None:
        cloud.api("PutReservedConcurrencyConfig", FunctionName="there", ReservedConcurrencyMem=memory)

    assert refused(lambda: reserve(128000)) == "FailedOperation.ReservedExceedTotal"
    reserve(256)
    assert cloud.api("GetReservedConcurrencyConfig", FunctionName="there") == {"ReservedMem": 256}
    assert cloud.api("ListFunctions")["Functions"][0]["ReservedConcurrencyMem"] == 256
    cloud.api("DeleteReservedConcurrencyConfig", FunctionName="there")
    assert cloud.api("GetReservedConcurrencyConfig", FunctionName="there") == {"ReservedMem": None}
