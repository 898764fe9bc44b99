"""The Job and its Secret: the pod's security, and that each container holds only what it needs."""

import json
from typing import Any

import pytest

from patchmill import job as jobs
from patchmill.job import Urls
from patchmill.settings import MAX_ATTEMPT_S
from patchmill.task import Limits
from tests.support import samples

URLS = Urls(
    source="http://cos/source?sig",
    code="http://cos/code?sig",
    phases={p: f"http://cos/{p}?sig" for p in ("DOWNLOADING_CODE", "RUNNING_AGENT", "UPLOADING")},
    uploads={"manifest.json": "http://cos/manifest?sig"},
)
SETTINGS = samples.settings_with(PATCHMILL_MODEL_API_KEY="sk-canary", PATCHMILL_MODEL_BASE_URL="http://model/v1")


def made(**changes: Any) -> dict[str, Any]:
    return jobs.job(samples.task(**changes), URLS, SETTINGS)


def containers(job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    spec = job["spec"]["template"]["spec"]
    return {c["name"]: c for c in [*spec["initContainers"], *spec["containers"]]}


def references(container: dict[str, Any]) -> set[str]:
    return {e["valueFrom"]["secretKeyRef"]["key"] for e in container["env"] if "valueFrom" in e}


def test_containers_come_in_order_and_share_what_they_should() -> None:
    spec = made()["spec"]["template"]["spec"]
    assert [c["name"] for c in spec["initContainers"]] == ["fetch", "agent"]
    assert [c["name"] for c in spec["containers"]] == ["deliver"]
    mounts = {n: {m["name"]: m.get("readOnly") for m in c["volumeMounts"]} for n, c in containers(made()).items()}
    assert "base" not in mounts["agent"]
    assert mounts["deliver"]["code"] is mounts["deliver"]["base"] is mounts["deliver"]["output"] is True


def test_pod_is_restricted() -> None:
    spec = made()["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(made()).values():
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory", "ephemeral-storage"} == set(container["resources"]["limits"])
    assert all("emptyDir" in volume for volume in spec["volumes"])


def test_each_container_refers_to_its_own_secrets_only() -> None:
    by_name = containers(made(agent="mini", model="gpt-5"))
    assert references(by_name["fetch"]) == {"source-url", "code-url", "fetch-phase-urls"}
    assert references(by_name["agent"]) == {"prompt", "model-api-key"}
    assert references(by_name["deliver"]) == {"uploads", "deliver-phase-urls"}


@pytest.mark.parametrize(("agent", "model"), [("command", None), ("mini", "scripted/demo")])
def test_no_model_key_is_given_to_a_task_that_calls_no_model(agent: str, model: str | None) -> None:
    task = samples.task(agent=agent, model=model)
    assert "model-api-key" not in jobs.secret(task, URLS, SETTINGS)["stringData"]
    assert "canary" not in json.dumps([jobs.job(task, URLS, SETTINGS), jobs.secret(task, URLS, SETTINGS)])


def test_nothing_presigned_and_no_prompt_is_in_the_job() -> None:
    text = json.dumps(made(agent="mini", model="gpt-5"))
    assert "?sig" not in text and "ruff check" not in text and "canary" not in text
    secret = jobs.secret(samples.task(agent="mini", model="gpt-5"), URLS, SETTINGS)
    assert secret["stringData"]["prompt"] == "ruff check --fix ."
    assert secret["stringData"]["model-api-key"] == "sk-canary"


def test_git_source_is_given_without_a_presigned_url() -> None:
    source = {"kind": "git", "url": "https://git.example/a.git", "ref": "main"}
    job = jobs.job(samples.task(source=source), Urls(None, URLS.code, URLS.phases, URLS.uploads), SETTINGS)
    fetch = containers(job)["fetch"]
    plain = {e["name"]: e.get("value") for e in fetch["env"]}
    assert json.loads(plain["PATCHMILL_SOURCE"] or "") == {"kind": "git", "url": source["url"], "ref": "main"}
    assert references(fetch) == {"code-url", "fetch-phase-urls"}


def test_job_and_urls_live_as_long_as_the_attempt_may() -> None:
    task = samples.task()
    total = SETTINGS.start_timeout_s + 600 + SETTINGS.deliver_timeout_s
    assert jobs.lifetime_s(task, SETTINGS) == total
    assert made()["spec"]["activeDeadlineSeconds"] == total
    assert made()["spec"]["backoffLimit"] == 0


def test_life_of_a_task_older_than_its_bounds_is_cut_to_what_keys_last() -> None:
    task = samples.task(limits=Limits(100_000, 10))
    assert jobs.lifetime_s(task, SETTINGS) == MAX_ATTEMPT_S


def test_priority_class_and_service_account_are_named_where_they_are_set() -> None:
    assert not {"priorityClassName", "serviceAccountName"} & set(made()["spec"]["template"]["spec"])
    settings = samples.settings_with(PATCHMILL_PRIORITY_CLASS="patchmill-task", PATCHMILL_SERVICE_ACCOUNT="agent")
    spec = jobs.job(samples.task(), URLS, settings)["spec"]["template"]["spec"]
    assert (spec["priorityClassName"], spec["serviceAccountName"]) == ("patchmill-task", "agent")
    assert spec["automountServiceAccountToken"] is False
