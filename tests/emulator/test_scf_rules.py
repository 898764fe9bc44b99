"""The platform's own rules for functions and layers: what is refused, with which code, and nothing is left of it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.api.action import ApiError
from tests.support.scf import ROLE, Cloud, Code, packed, run_scf, zipped

CODE = {"ZipFile": packed({"index.py": "main_handler = print"})}
LAYER = {"CompatibleRuntimes": ["Python3.10"], "Content": {"ZipFile": packed({"a.py": ""})}}
MISSING = "ResourceNotFound.Function"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("scf")
    (folder / "package.zip").write_bytes(zipped({"index.py": "main_handler = print"}))
    (folder / "broken.zip").write_bytes(b"no zip")
    with (folder / "large.zip").open("wb") as file:
        file.truncate((500 << 20) + 1)

    def read(bucket: str, key: str) -> Path | None:
        path = folder / key
        return path if bucket == "code-1250000000" and path.exists() else None

    with run_scf(folder, {"there": Code()}, layers={"lib": {"a.py": ""}}, read_object=read) as running:
        node = {**LAYER, "CompatibleRuntimes": ["Nodejs16.13"]}
        running.api("PublishLayerVersion", LayerName="node", **node)
        yield running


def refused(act: Callable[[], Any]) -> str:
    with pytest.raises(ApiError) as error:
        act()
    return error.value.code


def create(cloud: Cloud, **params: Any) -> None:
    whole = {"FunctionName": "made", "Runtime": "Python3.10", "Handler": "index.main_handler", "Code": CODE, **params}
    cloud.api("CreateFunction", **whole)


def variables(**values: str) -> dict[str, Any]:
    return {"Variables": [{"Key": name, "Value": value} for name, value in values.items()]}


def bound(*layers: str) -> list[dict[str, Any]]:
    return [{"LayerName": name, "LayerVersion": 1} for name in layers]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"FunctionName": "there"}, "ResourceInUse.Function"),
        ({"FunctionName": "a"}, "InvalidParameterValue.FunctionName"),
        ({"FunctionName": "1a"}, "InvalidParameterValue.FunctionName"),
        ({"FunctionName": "a-"}, "InvalidParameterValue.FunctionName"),
        ({"FunctionName": "a" * 61}, "InvalidParameterValue.FunctionName"),
        ({"Namespace": "nowhere"}, "ResourceNotFound.Namespace"),
        ({"Runtime": "Python3.12"}, "InvalidParameterValue.Runtime"),
        ({"Runtime": "Nodejs16.13"}, "InvalidParameterValue.Runtime"),
        ({"Handler": "index"}, "InvalidParameterValue.Handler"),
        ({"Handler": "other.main_handler"}, "InvalidParameterValue.Handler"),
        ({"MemorySize": 200}, "InvalidParameterValue.MemorySize"),
        ({"Timeout": 901}, "LimitExceeded.Timeout"),
        ({"InitTimeout": 0}, "LimitExceeded.InitTimeout"),
        ({"Description": "a=b"}, "InvalidParameterValue.Description"),
        ({"Environment": variables(SCF_X="a")}, "InvalidParameterValue.EnvironmentSystemProtect"),
        ({"Environment": variables(TENCENTCLOUD_X="a")}, "InvalidParameterValue.EnvironmentSystemProtect"),
        ({"Environment": variables(_A="a")}, "InvalidParameterValue.Environment"),
        ({"Environment": variables(A="")}, "InvalidParameterValue.Environment"),
        ({"Environment": variables(A="x" * 4096)}, "InvalidParameterValue.EnvironmentExceededLimit"),
        ({"Layers": bound("other")}, "ResourceNotFound.LayerVersion"),
        ({"Layers": bound("node")}, "InvalidParameterValue.Layers"),
        ({"Layers": bound("lib", "lib")}, "InvalidParameterValue.Layers"),
        ({"Layers": bound(*"abcdef")}, "InvalidParameterValue.Layers"),
        ({"Role": "missing"}, "ResourceNotFound.Role"),
        ({"Role": "strange"}, "InvalidParameter.RoleCheck"),
        ({"ClsTopicId": "topic"}, "InvalidParameterValue.Cls"),
        ({"VpcConfig": {"VpcId": "vpc-1"}}, "InvalidParameterValue.Vpc"),
        ({"DeadLetterConfig": {"Type": "letters", "Name": "a"}}, "InvalidParameterValue.DeadLetterConfig"),
        ({"PublicNetConfig": {"PublicNetStatus": "YES"}}, "InvalidParameterValue.PublicNetConfig"),
        ({"Type": "HTTP"}, "UnsupportedOperation"),
        ({"AsyncRunEnable": "TRUE"}, "UnsupportedOperation"),
        ({"Code": {}}, "InvalidParameterValue.Code"),
        ({"Code": {"ZipFile": "?"}}, "InvalidParameterValue.ZipFileBase64BinasciiError"),
        ({"Code": {"ZipFile": base64.b64encode(b"no zip").decode()}}, "InvalidParameterValue.ZipFile"),
        ({"Code": {"ZipFile": packed({"../index.py": ""})}}, "InvalidParameterValue.ZipFile"),
        ({"Code": {"GitUrl": "https://a.example"}}, "InvalidParameterValue.CodeSource"),
        ({"Code": {**CODE, "CosBucketName": "code"}}, "InvalidParameterValue.Code"),
        ({"Code": {"CosBucketName": "code"}}, "InvalidParameterValue.Code"),
        ({"Code": {"CosBucketName": "code", "CosObjectName": "/none.zip"}}, "ResourceNotFound.CosObject"),
        ({"Code": {"CosBucketName": "code", "CosObjectName": "/broken.zip"}}, "InvalidParameterValue.ZipFile"),
        ({"Code": {"CosBucketName": "code", "CosObjectName": "/large.zip"}}, "LimitExceeded.Quota"),
        ({"Code": {"CosBucketName": "code", "CosObjectName": "package.zip"}}, "InvalidParameterValue.CosObjectName"),
        (
            {"Code": {"CosBucketName": "code-1250000000", "CosObjectName": "/package.zip"}},
            "InvalidParameterValue.CosBucketName",
        ),
    ],
)
def test_function_that_breaks_a_rule_is_refused_and_not_there(cloud: Cloud, params: dict[str, Any], code: str) -> None:
    assert refused(lambda: create(cloud, **params)) == code
    assert refused(lambda: cloud.api("GetFunction", FunctionName="made")) == MISSING


def test_refusal_of_an_environment_shows_no_value(cloud: Cloud) -> None:
    with pytest.raises(ApiError) as error:
        create(cloud, Environment=variables(A="s3cr3t" * 1000))
    assert "s3cr3t" not in str(error.value)


def test_function_tells_what_it_was_given(cloud: Cloud) -> None:
    settings: dict[str, Any] = {
        "Description": "eine Funktion",
        "MemorySize": 512,
        "Timeout": 60,
        "InitTimeout": 30,
        "Environment": variables(A="b"),
        "Layers": bound("lib"),
        "Role": ROLE,
        "ClsLogsetId": "set",
        "ClsTopicId": "topic",
        "VpcConfig": {"VpcId": "vpc-1", "SubnetId": "subnet-1"},
        "DeadLetterConfig": {"Type": "CMQ-QUEUE", "Name": "letters", "FilterType": ""},
        "Tags": [{"Key": "managed-by", "Value": "somebody"}],
    }
    create(cloud, FunctionName="whole", Code={"CosBucketName": "code", "CosObjectName": "/package.zip"}, **settings)
    told = cloud.api("GetFunction", FunctionName="whole")
    (layer,) = told.pop("Layers")
    assert (layer["LayerName"], layer["LayerVersion"]) == ("lib", 1)
    assert {key: told[key] for key in settings if key != "Layers"} == {
        key: value for key, value in settings.items() if key != "Layers"
    }
    assert (told["Status"], told["FunctionVersion"], told["Runtime"]) == ("Active", "$LATEST", "Python3.10")
    (listed,) = cloud.api("ListFunctions", Filters=[{"Name": "tag-managed-by", "Values": ["somebody"]}])["Functions"]
    assert listed["FunctionName"] == "whole"
    cloud.api(
        "UpdateFunctionConfiguration", FunctionName="whole", Timeout=9, Layers=[{"LayerName": "", "LayerVersion": 0}]
    )
    told = cloud.api("GetFunction", FunctionName="whole")
    assert (told["Timeout"], told["MemorySize"], told["Layers"]) == (9, 512, [])
    cloud.api("DeleteFunction", FunctionName="whole")


def test_runtime_cannot_be_changed(cloud: Cloud) -> None:
    def change(runtime: str) -> None:
        cloud.api("UpdateFunctionConfiguration", FunctionName="there", Runtime=runtime)

    assert refused(lambda: change("Python3.9")) == "InvalidParameterValue.Runtime"
    change("Python3.10")
