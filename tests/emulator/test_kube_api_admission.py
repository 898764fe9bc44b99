"""What other objects have to say about a new one: accounts, limits, priorities, quotas, pod security."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.kube_api import Api, job, new, pod, running, secret

NS = "/api/v1/namespaces/patchmill"
PODS, QUOTAS, LIMITS = f"{NS}/pods", f"{NS}/resourcequotas", f"{NS}/limitranges"
CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
SCHEDULING = "scheduling.k8s.io/v1"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: Any) -> Iterator[Api]:
    with running(tmp_path_factory.mktemp("kube")) as started:
        yield started


@pytest.fixture
def api(shared: Api) -> Iterator[Api]:
    shared.http.post("/api/v1/namespaces", json=new("Namespace", "patchmill"))
    yield shared
    shared.http.delete(NS)
    shared.http.delete(f"{CLASSES}/urgent")
    shared.http.delete(f"{CLASSES}/usual")


def sized(name: str, requests: dict[str, str] | None = None, limits: dict[str, str] | None = None) -> dict[str, Any]:
    found = pod(name)
    groups = {"requests": requests, "limits": limits}
    found["spec"]["containers"][0]["resources"] = {key: value for key, value in groups.items() if value}
    return found


def quota(name: str, **hard: str) -> dict[str, Any]:
    return new("ResourceQuota", name, spec={"hard": {key.replace("__", "."): value for key, value in hard.items()}})


def limits(**item: Any) -> dict[str, Any]:
    return new("LimitRange", "bounds", spec={"limits": [{"type": "Container", **item}]})


def refusal(answer: httpx.Response) -> str:
    assert (answer.status_code, answer.json()["reason"]) == (403, "Forbidden"), answer.text
    message: str = answer.json()["message"]
    return message


def test_every_namespace_has_a_default_account(api: Api) -> None:
    assert api.http.get(f"{NS}/serviceaccounts/default").status_code == 200
    assert api.http.get("/api/v1/namespaces/default/serviceaccounts/default").status_code == 200
    api.http.delete(f"{NS}/serviceaccounts/default")
    assert api.http.get(f"{NS}/serviceaccounts/default").status_code == 200


def test_pod_of_a_missing_account_is_refused(api: Api) -> None:
    wanted = pod("one", serviceAccountName="runner")
    assert refusal(api.http.post(PODS, json=wanted)) == (
        'pods "one" is forbidden: error looking up service account patchmill/runner: serviceaccount "runner" not found'
    )
    account = new("ServiceAccount", "runner", imagePullSecrets=[{"name": "registry"}])
    api.http.post(f"{NS}/serviceaccounts", json=account)
    made = api.http.post(PODS, json=wanted).json()
    assert made["spec"]["imagePullSecrets"] == [{"name": "registry"}]


def test_pod_count_is_limited(api: Api) -> None:
    api.http.post(QUOTAS, json=quota("few", pods="1"))
    assert api.http.post(PODS, json=pod("one")).status_code == 201
    assert refusal(api.http.post(PODS, json=pod("two"))) == (
        'pods "two" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1'
    )
    api.http.delete(f"{PODS}/one")
    assert api.http.post(PODS, json=pod("two")).status_code == 201


def test_pod_that_has_ended_leaves_room(api: Api) -> None:
    api.http.post(QUOTAS, json=quota("few", pods="1"))
    api.http.post(PODS, json=pod("one"))
    api.http.patch(
        f"{PODS}/one/status",
        json={"status": {"phase": "Succeeded"}},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert api.http.post(PODS, json=pod("two")).status_code == 201


def test_requests_and_limits_are_summed_up(api: Api) -> None:
    api.http.post(QUOTAS, json=quota("size", requests__cpu="1", limits__memory="1Gi"))
    small = {"requests": {"cpu": "600m"}, "limits": {"memory": "512Mi"}}
    assert api.http.post(PODS, json=sized("one", **small)).status_code == 201
    assert refusal(api.http.post(PODS, json=sized("two", **small))).endswith(
        "exceeded quota: size, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1"
    )
    large = sized("two", {"cpu": "100m"}, {"memory": "768Mi"})
    assert refusal(api.http.post(PODS, json=large)).endswith(
        "requested: limits.memory=768Mi, used: limits.memory=512Mi, limited: limits.memory=1Gi"
    )


def test_pod_must_say_what_a_quota_limits(api: Api) -> None:
    api.http.post(QUOTAS, json=quota("size", requests__cpu="1", limits__memory="1Gi"))
    assert refusal(api.http.post(PODS, json=pod("one"))).endswith(
        "failed quota: size: must specify limits.memory for: main; requests.cpu for: main"
    )


def test_objects_are_counted(api: Api) -> None:
    jobs = "/apis/batch/v1/namespaces/patchmill/jobs"
    api.http.post(QUOTAS, json=quota("things", **{"count/jobs.batch": "1", "secrets": "0"}))
    assert api.http.post(jobs, json=job("one")).status_code == 201
    assert refusal(api.http.post(jobs, json=job("two"))).startswith(
        'jobs.batch "two" is forbidden: exceeded quota: things, requested: count/jobs.batch=1'
    )
    assert "secrets=0" in refusal(api.http.post(f"{NS}/secrets", json=secret()))


def test_status_of_a_quota_shows_what_is_used(api: Api) -> None:
    api.http.post(QUOTAS, json=quota("size", pods="5", requests__cpu="2", limits__memory="4Gi"))
    api.http.post(PODS, json=sized("one", {"cpu": "1500m"}, {"memory": "3Gi"}))
    status = api.http.get(f"{QUOTAS}/size").json()["status"]
    assert status["hard"] == {"pods": "5", "requests.cpu": "2", "limits.memory": "4Gi"}
    assert status["used"] == {"pods": "1", "requests.cpu": "1500m", "limits.memory": "3Gi"}


def test_limit_range_fills_in_what_is_left_open(api: Api) -> None:
    api.http.post(LIMITS, json=limits(default={"cpu": "1", "memory": "1Gi"}, defaultRequest={"cpu": "250m"}))
    made = api.http.post(PODS, json=sized("one", limits={"memory": "2Gi"})).json()
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"memory": "2Gi", "cpu": "1"},
        "requests": {"memory": "2Gi", "cpu": "250m"},
    }
    assert made["status"]["qosClass"] == "Burstable"


@pytest.mark.parametrize(
    ("item", "resources", "message"),
    [
        (
            {"min": {"cpu": "100m"}},
            {"requests": {"cpu": "50m"}},
            "minimum cpu usage per Container is 100m, but request is 50m",
        ),
        (
            {"max": {"memory": "1Gi"}},
            {"limits": {"memory": "2Gi"}},
            "maximum memory usage per Container is 1Gi, but limit is 2Gi",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "1"}, "limits": {"cpu": "3"}},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.0",
        ),
        (
            {"type": "Pod", "max": {"cpu": "1"}},
            {"limits": {"cpu": "2"}},
            "maximum cpu usage per Pod is 1, but limit is 2",
        ),
        ({"type": "Pod", "max": {"cpu": "1"}}, {}, "maximum cpu usage per Pod is 1.  No limit is specified"),
    ],
)
def test_pod_outside_the_bounds_is_refused(api: Api, item: Any, resources: Any, message: str) -> None:
    api.http.post(LIMITS, json=limits(**item))
    assert message in refusal(api.http.post(PODS, json=sized("one", **resources)))


def test_default_limit_below_a_request_is_invalid(api: Api) -> None:
    api.http.post(LIMITS, json=limits(default={"cpu": "1"}))
    answer = api.http.post(PODS, json=sized("one", {"cpu": "2"}))
    assert answer.status_code == 422
    assert "must be less than or equal to cpu limit of 1" in answer.json()["message"]


def test_priority_comes_from_the_class(api: Api) -> None:
    api.http.post(CLASSES, json=new("PriorityClass", "urgent", SCHEDULING, value=1000, preemptionPolicy="Never"))
    spec = api.http.post(PODS, json=pod("one", priorityClassName="urgent")).json()["spec"]
    assert (spec["priority"], spec["preemptionPolicy"]) == (1000, "Never")
    assert api.http.post(PODS, json=pod("two")).json()["spec"]["priority"] == 0
    assert refusal(api.http.post(PODS, json=pod("three", priorityClassName="none"))) == (
        'pods "three" is forbidden: no PriorityClass with name none was found'
    )
    assert "must not be provided in pod spec" in refusal(api.http.post(PODS, json=pod("four", priority=7)))


def test_default_class_is_everybodys_and_there_is_one(api: Api) -> None:
    usual = new("PriorityClass", "usual", SCHEDULING, value=5, globalDefault=True)
    api.http.post(CLASSES, json=usual)
    spec = api.http.post(PODS, json=pod("one")).json()["spec"]
    assert (spec["priorityClassName"], spec["priority"]) == ("usual", 5)
    second = new("PriorityClass", "urgent", SCHEDULING, value=6, globalDefault=True)
    assert "usual is already marked as default" in refusal(api.http.post(CLASSES, json=second))


def test_restricted_namespace_lets_in_harmless_pods_only(api: Api) -> None:
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    headers = {"Content-Type": "application/merge-patch+json"}
    assert api.http.patch(NS, json=labels, headers=headers).status_code == 200
    message = refusal(api.http.post(PODS, json=pod("one")))
    assert message.startswith('pods "one" is forbidden: violates PodSecurity "restricted:latest": ')
    assert 'allowPrivilegeEscalation != false (container "main" must set' in message
    good = pod("one", securityContext={"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}})
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    good["spec"]["containers"][0]["securityContext"] = own
    for place, bad, word in (
        (good["spec"], {"hostNetwork": True}, "host namespaces"),
        (good["spec"], {"volumes": [{"name": "v", "hostPath": {"path": "/etc"}}]}, "restricted volume types"),
        (good["spec"]["securityContext"], {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}, "forbidden sysctls"),
        (good["spec"]["containers"][0], {"ports": [{"containerPort": 80, "hostPort": 80}]}, "uses hostPort 80"),
        (own, {"procMount": "Unmasked"}, "procMount"),
        (own, {"runAsNonRoot": False}, "runAsNonRoot != true"),
        (own, {"seccompProfile": {"type": "Unconfined"}}, "seccompProfile"),
    ):
        place.update(bad)
        assert word in refusal(api.http.post(PODS, json=good)), bad
        for key in bad:
            del place[key]
    assert api.http.post(PODS, json=good).status_code == 201


def test_dry_run_is_admitted_like_the_real_thing(api: Api) -> None:
    api.http.post(QUOTAS, json=quota("none", pods="0"))
    assert "exceeded quota" in refusal(api.http.post(f"{PODS}?dryRun=All", json=pod("one")))


def test_end_of_a_namespace_is_the_end_of_everything_in_it(api: Api) -> None:
    api.http.post(QUOTAS, json=quota("few", pods="5"))
    api.http.post(PODS, json=pod("one"))
    api.http.post(f"{NS}/secrets", json=secret())
    assert api.http.delete(NS).status_code == 200
    assert api.http.get(NS).status_code == 404
    api.http.post("/api/v1/namespaces", json=new("Namespace", "patchmill"))
    assert [api.http.get(path).json()["items"] for path in (QUOTAS, PODS, f"{NS}/secrets")] == [[], [], []]
