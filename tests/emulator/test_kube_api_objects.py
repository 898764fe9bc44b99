"""The verbs, driven through the official Python client as the functions do."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client import ApiException

from tests.support.kube_api import Api, job, pod, running, sdk, secret


@pytest.fixture
def api(tmp_path: Any) -> Iterator[Api]:
    with running(tmp_path) as started:
        yield started


def test_job_has_the_defaults_of_the_real_api(api: Api) -> None:
    _, batch = sdk(api)
    made = batch.create_namespaced_job("default", job())
    spec, template = made.spec, made.spec.template
    assert (spec.backoff_limit, spec.parallelism, spec.completions, spec.suspend) == (6, 1, 1, False)
    assert (spec.completion_mode, spec.pod_replacement_policy) == ("NonIndexed", "TerminatingOrFailed")
    assert (template.spec.dns_policy, template.spec.scheduler_name) == ("ClusterFirst", "default-scheduler")
    assert template.spec.termination_grace_period_seconds == 30
    container = template.spec.containers[0]
    assert (container.image_pull_policy, container.termination_message_path) == ("IfNotPresent", "/dev/termination-log")
    key = "batch.kubernetes.io/controller-uid"
    assert spec.selector.match_labels == {key: made.metadata.uid}
    assert template.metadata.labels[key] == made.metadata.uid
    assert template.metadata.labels["job-name"] == template.metadata.labels["batch.kubernetes.io/job-name"] == "work"


def test_pod_starts_pending_with_its_quality_of_service(api: Api) -> None:
    core, _ = sdk(api)
    found = pod()
    found["spec"]["containers"][0]["resources"] = {"limits": {"cpu": 1, "memory": "64Mi"}}
    api.http.post("/api/v1/namespaces/default/pods", json=found)  # the client itself refuses a number as a quantity
    made = core.read_namespaced_pod("one", "default")
    assert (made.status.phase, made.status.qos_class) == ("Pending", "Guaranteed")
    assert made.spec.containers[0].resources.requests == {"cpu": "1", "memory": "64Mi"}
    assert made.spec.restart_policy == "Always"
    assert made.spec.containers[0].image_pull_policy == "IfNotPresent"


def test_volume_without_a_source_is_an_empty_folder(api: Api) -> None:
    core, _ = sdk(api)
    made = core.create_namespaced_pod("default", pod(volumes=[{"name": "code"}]))
    assert made.spec.volumes[0].empty_dir is not None


def test_name_that_is_taken_is_409(api: Api) -> None:
    _, batch = sdk(api)
    batch.create_namespaced_job("default", job())
    with pytest.raises(ApiException) as caught:
        batch.create_namespaced_job("default", job())
    assert caught.value.status == 409
    assert '"reason":"AlreadyExists"' in caught.value.body


def test_missing_object_is_404(api: Api) -> None:
    _, batch = sdk(api)
    with pytest.raises(ApiException) as caught:
        batch.read_namespaced_job("none", "default")
    assert caught.value.status == 404
    assert 'jobs.batch \\"none\\" not found' in caught.value.body


def test_generated_name_has_a_random_end(api: Api) -> None:
    _, batch = sdk(api)
    anonymous = job()
    anonymous["metadata"] = {"generateName": "batch-"}
    names = {batch.create_namespaced_job("default", anonymous).metadata.name for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("batch-") and len(name) == 11 for name in names)


def test_string_data_of_a_secret_is_folded_into_data(api: Api) -> None:
    core, _ = sdk(api)
    encoded = base64.b64encode(b"old").decode()
    made = core.create_namespaced_secret("default", secret(data={"a": encoded, "b": encoded}, stringData={"b": "new"}))
    read = api.http.get("/api/v1/namespaces/default/secrets/hidden").json()
    assert made.type == "Opaque"
    assert "stringData" not in read
    assert {key: base64.b64decode(value) for key, value in read["data"].items()} == {"a": b"old", "b": b"new"}


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app=a", ["a"]),
        ("app==a", ["a"]),
        ("app!=a", ["b", "c"]),
        ("app in (a, b)", ["a", "b"]),
        ("app notin (a,b),tier", []),
        ("tier", ["b"]),
        ("!tier", ["a", "c"]),
        ("app in (a,b),tier=x/y", None),
        ("app=", []),
        ("a b", None),
        ("app in a", None),
    ],
)
def test_label_selector_finds(api: Api, selector: str, names: list[str] | None) -> None:
    core, _ = sdk(api)
    for name in "abc":
        found = pod(name)
        found["metadata"]["labels"] = {"app": name, **({"tier": "front"} if name == "b" else {})}
        core.create_namespaced_pod("default", found)
    if names is None:
        with pytest.raises(ApiException) as caught:
            core.list_namespaced_pod("default", label_selector=selector)
        assert caught.value.status == 400
    else:
        listed = core.list_namespaced_pod("default", label_selector=selector)
        assert [each.metadata.name for each in listed.items] == names


def test_field_selector_finds_by_status(api: Api) -> None:
    core, _ = sdk(api)
    for name in ("one", "two"):
        core.create_namespaced_pod("default", pod(name))
    api.change_pod("two", phase="Running")
    listed = core.list_pod_for_all_namespaces(field_selector="status.phase!=Pending,metadata.namespace=default")
    assert [each.metadata.name for each in listed.items] == ["two"]


def test_field_selector_that_the_kind_does_not_have_is_400(api: Api) -> None:
    answer = api.http.get("/api/v1/pods?fieldSelector=spec.hostname%3Da")
    assert (answer.status_code, answer.json()["message"]) == (400, 'field label not supported: "spec.hostname"')


def test_pages_add_up_to_the_whole_list(api: Api) -> None:
    _, batch = sdk(api)
    for number in range(5):
        batch.create_namespaced_job("default", job(f"j{number}"))
    seen, token = [], None
    while True:
        page = batch.list_namespaced_job("default", limit=2, _continue=token)
        seen.append([each.metadata.name for each in page.items])
        token = page.metadata._continue
        if not token:
            break
    assert seen == [["j0", "j1"], ["j2", "j3"], ["j4"]]


def test_made_up_continue_token_is_400(api: Api) -> None:
    assert api.http.get("/apis/batch/v1/jobs?continue=abc").status_code == 400


def test_replace_with_an_old_version_is_409(api: Api) -> None:
    _, batch = sdk(api)
    first = batch.create_namespaced_job("default", job())
    first.spec.suspend = True
    batch.replace_namespaced_job("work", "default", first)
    with pytest.raises(ApiException) as caught:
        batch.replace_namespaced_job("work", "default", first)
    assert (caught.value.status, '"reason":"Conflict"' in caught.value.body) == (409, True)


def test_patch_of_the_client_changes_and_removes(api: Api) -> None:
    _, batch = sdk(api)
    batch.create_namespaced_job("default", job())
    batch.patch_namespaced_job("work", "default", {"metadata": {"annotations": {"a": "1", "b": "2"}}})
    patched = batch.patch_namespaced_job(
        "work", "default", {"metadata": {"annotations": {"a": None}}, "spec": {"suspend": True}}
    )
    assert patched.metadata.annotations == {"b": "2"}
    assert (patched.spec.suspend, patched.metadata.generation) == (True, 2)


def test_merge_patch_replaces_lists_whole(api: Api) -> None:
    core, _ = sdk(api)
    core.create_namespaced_pod("default", pod())
    path, headers = "/api/v1/namespaces/default/pods/one", {"Content-Type": "application/merge-patch+json"}
    patch = {"spec": {"tolerations": [{"key": "a", "operator": "Exists"}]}}
    assert (
        api.http.patch(path, json=patch, headers=headers).json()["spec"]["tolerations"] == patch["spec"]["tolerations"]
    )
    patched = api.http.patch(path, json={"spec": {"tolerations": None}}, headers=headers).json()
    assert "tolerations" not in patched["spec"]


def test_status_has_its_own_door(api: Api) -> None:
    _, batch = sdk(api)
    batch.create_namespaced_job("default", job())
    batch.patch_namespaced_job("work", "default", {"status": {"active": 3}})
    assert batch.read_namespaced_job_status("work", "default").status.active is None
    batch.patch_namespaced_job_status("work", "default", {"status": {"active": 1}, "spec": {"suspend": True}})
    read = batch.read_namespaced_job("work", "default")
    assert (read.status.active, read.spec.suspend) == (1, False)


def test_deleted_job_answers_with_success_and_is_gone(api: Api) -> None:
    _, batch = sdk(api)
    batch.create_namespaced_job("default", job())
    status = batch.delete_namespaced_job("work", "default", propagation_policy="Background")
    assert status["status"] == "Success"
    assert batch.list_namespaced_job("default").items == []


def test_deleted_pod_is_returned(api: Api) -> None:
    core, _ = sdk(api)
    core.create_namespaced_pod("default", pod())
    assert core.delete_namespaced_pod("one", "default", grace_period_seconds=0).metadata.name == "one"


def test_delete_of_another_uid_is_409(api: Api) -> None:
    _, batch = sdk(api)
    batch.create_namespaced_job("default", job())
    with pytest.raises(ApiException) as caught:
        batch.delete_namespaced_job("work", "default", body={"preconditions": {"uid": "another"}})
    assert caught.value.status == 409


def test_delete_of_a_collection_takes_what_matches(api: Api) -> None:
    core, _ = sdk(api)
    for name in ("one", "two"):
        core.create_namespaced_pod("default", pod(name))
    api.http.delete("/api/v1/namespaces/default/pods?labelSelector=app%3Done")
    assert [each.metadata.name for each in core.list_namespaced_pod("default").items] == ["two"]


def test_removed_finalizer_lets_a_deleted_object_go(api: Api) -> None:
    _, batch = sdk(api)
    held = job()
    held["metadata"]["finalizers"] = ["example.org/hold"]
    batch.create_namespaced_job("default", held)

    def mark(each: dict[str, Any]) -> None:
        each["metadata"]["deletionTimestamp"] = "2026-11-24T09:00:00Z"

    api.loop.call(lambda: api.store.change("Job", "default", "work", mark))
    batch.patch_namespaced_job("work", "default", {"metadata": {"finalizers": None}})
    assert batch.list_namespaced_job("default").items == []


def test_namespace_goes_with_what_is_in_it(api: Api) -> None:
    core, batch = sdk(api)
    core.create_namespace({"metadata": {"name": "team"}})
    batch.create_namespaced_job("team", job())
    core.create_namespaced_secret("team", secret())
    core.delete_namespace("team")
    assert [each.metadata.name for each in core.list_namespace().items] == ["default", "kube-system"]
    assert batch.list_job_for_all_namespaces().items == []


def test_thousand_jobs_are_listed(api: Api) -> None:
    api.loop.call(lambda: [api.store.create(job(f"j{number}")) for number in range(1000)])
    assert len(api.http.get("/apis/batch/v1/jobs").json()["items"]) == 1000
