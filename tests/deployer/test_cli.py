"""The command against the whole platform in this process: every subcommand, its words, its JSON and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from deployer import cli
from tests.support.deployer_platform import Platform, platform


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Platform]:
    with platform(tmp_path) as started:
        yield started


@pytest.fixture
def deployed(cloud: Platform) -> Platform:
    cloud.json("apply", "--yes")
    cloud.changes()
    return cloud


def test_plan_names_every_resource_and_changes_nothing(cloud: Platform) -> None:
    done = cloud.run("plan")
    assert done.exit_code == 0
    assert "create  function/web" in done.stdout
    assert "create  trigger/work-timer-nightly" in done.stdout
    assert cloud.changes() == []
    assert cloud.run("plan", "--exit-code").exit_code == 2


def test_plan_says_no_changes_after_an_apply(deployed: Platform) -> None:
    done = deployed.run("plan", "--exit-code")
    assert (done.exit_code, done.stdout.strip()) == (0, "no changes")
    assert deployed.json("plan")["steps"] == []


def test_no_value_of_a_secret_is_printed(cloud: Platform) -> None:
    said = [cloud.run("plan"), cloud.run("apply", "--yes"), cloud.run("outputs"), cloud.run("status")]
    cloud.replace("test.env", "hunter2", "hunter3")
    said.append(cloud.run("plan"))
    assert "secret/main" in said[-1].stdout
    assert not any("hunter" in done.stdout + done.stderr for done in said)


def test_apply_prints_the_url_and_it_answers(cloud: Platform) -> None:
    outputs = cloud.json("apply", "--yes")["outputs"]
    assert httpx.get(outputs["trigger/web-http.url"]).text == "hello VERSION"
    assert cloud.json("outputs") == outputs


def test_one_changed_line_updates_one_function_and_its_url_stays(deployed: Platform) -> None:
    url = deployed.json("outputs")["trigger/web-http.url"]
    deployed.changes()
    deployed.replace("functions/web/index.py", "VERSION", "again")
    applied = deployed.json("apply", "--yes")["applied"]
    assert [step["resource"] for step in applied] == ["function/web", "release/web"]
    assert deployed.changes() == ["UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion", "UpdateAlias"]
    assert httpx.get(url).text == "hello again"


def test_changed_function_url_is_updated_in_place(deployed: Platform) -> None:
    url = deployed.json("outputs")["trigger/web-http.url"]
    deployed.changes()
    deployed.replace("serverless.yml", "authType: NONE", "authType: NONE, cors: {origins: ['*'], methods: [GET]}")
    applied = deployed.json("apply", "--yes")
    assert [(step["action"], step["resource"]) for step in applied["applied"]] == [("update", "trigger/web-http")]
    assert deployed.changes() == ["UpdateTrigger"]
    assert applied["outputs"]["trigger/web-http.url"] == url


def test_apply_asks_and_does_nothing_where_nobody_can_answer(cloud: Platform) -> None:
    done = cloud.run("apply")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert cloud.changes() == []


def test_invoke_prints_answer_and_log(deployed: Platform) -> None:
    done = deployed.run("invoke", "web", "--event", "{}")
    assert json.loads(done.stdout)["body"] == "hello VERSION"
    assert "Report RequestId" in done.stderr


def test_invoke_of_a_failing_function_exits_with_1(deployed: Platform) -> None:
    done = deployed.run("invoke", "work", "--event", '{"do": "fail"}')
    assert done.exit_code == 1
    assert "as you wish" in done.stderr


def test_invoke_refuses_what_is_no_json(deployed: Platform) -> None:
    done = deployed.run("invoke", "web", "--event", "{")
    assert (done.exit_code, "no JSON" in done.stderr) == (2, True)


def test_logs_are_those_of_the_named_function(deployed: Platform) -> None:
    deployed.run("invoke", "web")
    deployed.run("invoke", "work")
    lines = [json.loads(line) for line in deployed.run("logs", "web", "--json").stdout.splitlines()]
    assert {line["function"] for line in lines} == {"web"}
    assert "event nothing" in [line["text"] for line in lines]


def test_rollback_gives_the_traffic_back_and_apply_moves_it_forward(deployed: Platform) -> None:
    deployed.replace("functions/web/index.py", "VERSION", "again")
    deployed.json("apply", "--yes")
    url = deployed.json("outputs")["trigger/web-http.url"]
    assert deployed.json("rollback", "web", "--yes") == [{"name": "web", "before": {"2": 100}, "after": "1"}]
    assert httpx.get(url).text == "hello VERSION"
    deployed.json("apply", "--yes")
    assert httpx.get(url).text == "hello again"


def test_rollback_without_an_older_release_is_refused(deployed: Platform) -> None:
    done = deployed.run("rollback", "web", "--yes")
    assert (done.exit_code, "no release before" in done.stderr) == (1, True)
    done = deployed.run("rollback", "web", "--to", "7", "--yes")
    assert (done.exit_code, "no usable version 7" in done.stderr) == (1, True)


def test_status_tells_versions_traffic_and_triggers(deployed: Platform) -> None:
    state = deployed.json("status")
    assert state["plan"] == "no changes"
    assert state["functions"][0] == {
        "name": "web",
        "status": "Active",
        "traffic": {"1": 100},
        "versions": ["1"],
        "triggers": ["cos shop-code-1250000000.cos.ap-guangzhou.myqcloud.com", "http url"],
    }


def test_destroy_keeps_the_data_until_told_otherwise(deployed: Platform) -> None:
    done = deployed.run("destroy", "--yes")
    assert done.exit_code == 0
    assert "bucket/shop-code-1250000000 is kept with its data" in done.stderr
    assert [bucket for bucket, _ in deployed.store.buckets()] == ["shop-code-1250000000"]
    assert deployed.json("destroy", "--yes", "--with-data")["deleted"] == [
        "secret/main",
        "topic/orders",
        "bucket/shop-code-1250000000",
    ]
    assert deployed.json("destroy", "--yes", "--with-data")["deleted"] == []
    assert (deployed.store.buckets(), deployed.broker.partitions) == ([], {})


def test_package_prints_sizes_without_asking_the_cloud(cloud: Platform) -> None:
    assert set(cloud.json("package")) == {"function/web", "function/work", "layer/shared"}
    assert cloud.recorded == []


def test_wrong_key_is_told_with_its_meaning(cloud: Platform) -> None:
    cloud.replace("test.env", "owners-secret-key", "another-key")
    done = cloud.run("plan")
    assert done.exit_code == 1
    assert "AuthFailure.SignatureFailure" in done.stderr
    assert "do: " in done.stderr


def test_interrupted_apply_says_that_it_can_go_on(cloud: Platform) -> None:
    def interrupt(declaration: object) -> None:
        raise KeyboardInterrupt

    arguments = ["apply", "--stage", "test", "--project", str(cloud.project), "--yes"]
    done = CliRunner().invoke(cli.app, arguments, obj=interrupt)
    assert (done.exit_code, "goes on where it stopped" in done.stderr) == (130, True)


def test_misspelt_key_and_unknown_stage_are_mistakes_of_the_user(cloud: Platform) -> None:
    cloud.replace("serverless.yml", "permissions:", "permisions:")
    done = cloud.run("plan")
    assert (done.exit_code, "permisions" in done.stderr) == (2, True)
    done = CliRunner().invoke(cli.app, ["plan", "--stage", "nowhere", "--project", str(cloud.project)])
    assert (done.exit_code, "nowhere" in done.stderr) == (2, True)
