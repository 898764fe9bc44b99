"""The engine over the SCF kinds: what a plan says, what an apply changes, and only that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deployer import engine
from deployer.context import DeployError
from deployer.model import UNKNOWN, Foreign, Plan
from tests.support.deployer_cloud import MemoryCloud
from tests.support.deployer_project import Project, scf_kinds


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, MemoryCloud())


def plan(project: Project, traffic: int = 100) -> Plan:
    return engine.plan(project.context(traffic), scf_kinds)


def apply(project: Project, traffic: int = 100) -> list[str]:
    """Ids of the plan's steps, with their actions."""
    context = project.context(traffic)
    wanted = engine.plan(context, scf_kinds)
    engine.apply(context, wanted, scf_kinds)
    return [f"{step.action} {step.resource.id}" for step in wanted.steps]


def test_first_plan_creates_everything_in_order_and_only_reads(project: Project) -> None:
    steps = [f"{step.action} {step.resource.id}" for step in plan(project).steps]
    assert steps == [
        "create namespace/shop-test",
        "create layer/vendor",
        "create layer/core",
        "create function/web",
        "create function/work",
        "run migrations/work",
        "create release/web",
        "create release/work",
        "create trigger/web-http",
        "create trigger/web-cos-shop-code-1250000000/in/*.zip",
        "create trigger/work-ckafka-orders",
        "create trigger/work-timer-sweep",
    ]
    assert project.cloud.changes() == []


def test_second_plan_is_empty_after_an_apply(project: Project) -> None:
    apply(project)
    assert plan(project).steps == ()


def test_everything_is_bound_to_the_released_version(project: Project) -> None:
    apply(project)
    web = project.cloud.functions["shop-test", "web"]
    assert web["alias"]["FunctionVersion"] == "1"
    assert {each["Qualifier"] for each in web["triggers"]} == {"$DEFAULT"}
    assert web["config"]["Layers"] == [
        {"LayerName": "shop-test-vendor", "LayerVersion": 1},
        {"LayerName": "shop-test-core", "LayerVersion": 1},
    ]
    assert web["config"]["IgnoreSysLog"] is True
    assert {"Key": "SHOP_SECRETS", "Value": "shop-test-shared#v1"} in web["config"]["Environment"]["Variables"]


def test_one_changed_line_updates_one_function(project: Project) -> None:
    apply(project)
    project.files["function/web"] = "web 2"
    project.cloud.calls.clear()
    assert apply(project) == ["update function/web", "update release/web"]
    assert project.cloud.changes() == [
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
        "PublishVersion",
        "UpdateAlias",
    ]
    assert project.cloud.functions["shop-test", "web"]["code"] == {"index.py": b"web 2"}
    assert plan(project).steps == ()


def test_changed_layer_is_published_once_and_its_functions_follow(project: Project) -> None:
    apply(project)
    project.files["layer/vendor"] = "vendor 2"
    changed = plan(project).steps
    assert [step.resource.id for step in changed] == ["layer/vendor", "function/web", "release/web"]
    layers = next(change for change in changed[1].changes if change.field == "layers")
    assert (layers.before, layers.after) == (
        "shop-test-vendor 1, shop-test-core 1",
        f"shop-test-vendor {UNKNOWN}, shop-test-core 1",
    )
    apply(project)
    assert [each["LayerVersion"] for each in project.cloud.layers["shop-test-vendor"]] == [1, 2]
    assert plan(project).steps == ()


def test_going_back_reuses_layer_and_release(project: Project) -> None:
    apply(project)
    project.files["layer/core"] = "core 2"
    apply(project)
    project.files["layer/core"] = "core 1"
    project.cloud.calls.clear()
    apply(project)
    assert "PublishLayerVersion" not in project.cloud.changes()
    assert "PublishVersion" not in project.cloud.changes()
    assert project.cloud.functions["shop-test", "web"]["alias"]["FunctionVersion"] == "1"


def test_undeclared_function_is_deleted_with_its_triggers(project: Project) -> None:
    apply(project)
    project.without("web")
    assert apply(project)[-1] == "delete function/web"
    assert ("shop-test", "web") not in project.cloud.functions
    assert plan(project).steps == ()


def test_foreign_function_is_refused_and_not_touched(project: Project) -> None:
    project.cloud._CreateNamespace("shop-test", "managed-by=patchmill-deploy service=shop stage=test")
    code = {"ZipFile": ""}
    project.cloud._code = lambda code: {}  # type: ignore[method-assign]
    project.cloud._CreateFunction("shop-test", "web", code, [{"Key": "stage", "Value": "other"}], Runtime="Python3.10")
    with pytest.raises(Foreign, match="web"):
        plan(project)


def test_foreign_namespace_is_refused(project: Project) -> None:
    project.cloud.namespaces["shop-test"] = "somebody's"
    with pytest.raises(Foreign, match="shop-test"):
        plan(project)


def test_other_account_is_refused_before_anything_is_read(project: Project) -> None:
    project.cloud = MemoryCloud(account=("1250000000", "2"))
    with pytest.raises(DeployError, match="account 2"):
        plan(project)
    assert project.cloud.calls == []


def test_package_that_the_platform_would_refuse_stops_the_plan(project: Project) -> None:
    context = project.context()
    large = replace(context.package("layer", "core"), unpacked_bytes=600_000_000)
    context.packages = {**context.packages, "layer/core": large}
    with pytest.raises(DeployError, match="unpacked"):
        engine.plan(context, scf_kinds)
    context.packages = {**context.packages, "layer/core": replace(large, unpacked_bytes=1, zip_bytes=60_000_000)}
    with pytest.raises(DeployError, match="60 MB zipped"):
        engine.plan(context, scf_kinds)
    assert project.cloud.calls == []


def test_changed_runtime_is_refused_until_allowed(project: Project) -> None:
    apply(project)
    project.cloud.functions["shop-test", "web"]["config"]["Runtime"] = "Python3.9"
    context = project.context()
    wanted = engine.plan(context, scf_kinds)
    assert [f"{step.action} {step.resource.id}" for step in wanted.steps] == [
        "replace function/web",
        "create release/web",
        "create trigger/web-http",
        "create trigger/web-cos-shop-code-1250000000/in/*.zip",
    ]
    with pytest.raises(DeployError, match="allow-replace"):
        engine.apply(context, wanted, scf_kinds)
    context.allow_replace = True
    engine.apply(context, wanted, scf_kinds)
    assert plan(project).steps == ()


def test_failed_migrations_leave_the_traffic_where_it_was(project: Project) -> None:
    apply(project)
    project.files["function/work"] = "work 2"
    (project.folder / "migrations" / "0002_second.sql").write_text("")
    project.cloud.answers["work"] = {"RetMsg": "", "ErrMsg": "Table is locked", "Log": ""}
    with pytest.raises(DeployError, match="Table is locked"):
        apply(project)
    assert project.cloud.functions["shop-test", "work"]["alias"]["FunctionVersion"] == "1"
    del project.cloud.answers["work"]
    assert apply(project) == ["run migrations/work", "update release/work"]


def test_function_that_knows_no_migrations_stops_the_apply(project: Project) -> None:
    project.cloud.answers["work"] = {"RetMsg": '"ok"'}
    with pytest.raises(DeployError, match="did not answer"):
        apply(project)


def test_share_of_the_traffic_goes_to_the_new_version(project: Project) -> None:
    apply(project)
    project.files["function/web"] = "web 2"
    apply(project, traffic=20)
    alias = project.cloud.functions["shop-test", "web"]["alias"]
    assert alias["FunctionVersion"] == "1"
    assert alias["RoutingConfig"] == {"AdditionalVersionWeights": [{"Version": "2", "Weight": 0.2}]}
    assert plan(project, traffic=20).steps == ()
    assert [step.resource.id for step in plan(project).steps] == ["release/web"]
    apply(project)
    assert (alias["FunctionVersion"], alias["RoutingConfig"]) == ("2", {"AdditionalVersionWeights": []})


def test_destroy_leaves_what_is_not_ours(project: Project) -> None:
    apply(project)
    project.cloud.layers["shop-test-others"] = [
        {"LayerName": "shop-test-others", "LayerVersion": 1, "Status": "Active", "Description": "", "Tags": []}
    ]
    engine.destroy(project.context(), False, scf_kinds)
    assert project.cloud.functions == {}
    assert project.cloud.namespaces == {"default": ""}
    assert [name for name, versions in project.cloud.layers.items() if versions] == ["shop-test-others"]
