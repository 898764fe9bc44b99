"""How the server behaves towards clients that are lost, hostile or odd: always a `Status`, never a 500."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.kube.tls import Authority
from tests.support.kube_api import TOKEN, Api, job, pod, running

JOBS = "/apis/batch/v1/namespaces/default/jobs"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: Any) -> Iterator[Api]:
    with running(tmp_path_factory.mktemp("kube")) as started:
        yield started


@pytest.mark.parametrize(
    "authorization", [None, "Bearer wrong", "Bearer", "Basic dGVzdDp0ZXN0", TOKEN, f"Bearer {TOKEN}x", "Bearer \xe9"]
)
def test_request_without_the_token_is_401(api: Api, authorization: str | None) -> None:
    headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
    answer = httpx.get(f"{api.url}/api/v1/pods", verify=ssl.create_default_context(cafile=str(api.ca)), headers=headers)
    assert (answer.status_code, answer.json()["kind"], answer.json()["reason"]) == (401, "Status", "Unauthorized")


def test_health_and_version_need_no_token(api: Api) -> None:
    with httpx.Client(base_url=api.url, verify=ssl.create_default_context(cafile=str(api.ca))) as anyone:
        assert [anyone.get(path).text for path in ("/healthz", "/livez", "/readyz")] == ["ok"] * 3
        assert anyone.get("/version").json()["major"] == "1"


def test_certificate_is_trusted_by_its_authority_only(api: Api) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{api.url}/healthz")


def test_certificates_are_made_once(tmp_path: Any) -> None:
    first = Authority(tmp_path).ensure().ca_pem()
    assert Authority(tmp_path).ensure().ca_pem() == first
    (tmp_path / "tls.key").write_text("no key")
    assert Authority(tmp_path).ensure().ca_pem() != first
    assert (tmp_path / "tls.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/", 404),
        ("GET", "/api/v2", 404),
        ("GET", "/api/v1/services", 404),
        ("GET", "/apis/apps/v1/deployments", 404),
        ("GET", "/api/v1/namespaces/default/pods/", 404),
        ("GET", "/api/v1/namespaces/default/pods/a/exec", 404),
        ("POST", "/apis/batch/v1/jobs", 405),
        ("PUT", JOBS, 405),
        ("POST", f"{JOBS}/a", 405),
        ("DELETE", "/api/v1/nodes/a", 405),
        ("POST", "/version", 405),
        ("PATCH", "/api/v1/namespaces/default/pods/a/log", 405),
    ],
)
def test_wrong_path_or_verb_is_a_status(api: Api, method: str, path: str, code: int) -> None:
    answer = api.http.request(method, path)
    assert (answer.status_code, answer.json()["kind"], answer.json()["code"]) == (code, "Status", code)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "cannot be decoded"),
        (b"{", "cannot be decoded"),
        (b"[]", "no JSON object"),
        (b"null", "no JSON object"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"a": NaN}', "NaN is no JSON"),
        (b'{"a": 1, "a": 2}', 'duplicate field "a"'),
        (b'{"a":' * 50_000, "nested too deep"),
        (b'{"spec": ' + b"1" * 6000 + b"}", "cannot be decoded"),
        (b'{"kind": "Pod"}', "does not match"),
        (b'{"kind": ["Job"]}', "does not match"),
        (b'{"apiVersion": "batch/v1beta1"}', "does not match"),
        (b'{"metadata": 3}', "metadata"),
        (b'{"metadata": {"resourceVersion": "1"}}', "resourceVersion"),
        (b'{"metadata": {"namespace": "other"}}', "namespace"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_unreadable_body_is_400(api: Api, body: bytes, message: str) -> None:
    answer = api.http.post(JOBS, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["kind"]) == (400, "Status")
    assert message in answer.json()["message"]


@pytest.mark.parametrize("depth", [150, 400, 900])
def test_deeply_nested_object_is_refused_or_kept(api: Api, depth: int) -> None:
    deep: Any = {}
    for _ in range(depth):
        deep = {"a": deep}
    odd = job("deep")
    odd["metadata"]["managedFields"] = [{"fieldsV1": deep}]
    answer = api.http.post(JOBS, json=odd)
    assert answer.status_code in (201, 400)
    api.http.delete(f"{JOBS}/deep")


def test_lone_surrogate_becomes_a_replacement_character(api: Api) -> None:
    body = b'{"metadata": {"name": "odd", "annotations": {"a": "x\\ud800y"}}, "spec": {"containers": []}}'
    odd = pod("odd")
    odd["metadata"]["annotations"] = {"a": "MARK"}
    body = httpx.Request("POST", api.url, json=odd).content.replace(b"MARK", b"x\\ud800y")
    answer = api.http.post("/api/v1/namespaces/default/pods", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["metadata"]["annotations"]["a"]) == (201, "x\ufffdy")


def test_body_over_three_megabytes_is_413(api: Api) -> None:
    answer = api.http.post(JOBS, content=b" " * 3_200_000, headers=JSON)
    assert (answer.status_code, answer.json()["reason"]) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize("media_type", ["application/yaml", "application/vnd.kubernetes.protobuf", "text/plain"])
def test_body_in_another_form_is_415(api: Api, media_type: str) -> None:
    assert api.http.post(JOBS, content=b"{}", headers={"Content-Type": media_type}).status_code == 415


@pytest.mark.parametrize(
    "media_type", ["application/json-patch+json", "application/apply-patch+yaml", "application/json"]
)
def test_patch_in_another_form_is_415(api: Api, media_type: str) -> None:
    api.http.post(JOBS, json=job("patched"))
    answer = api.http.patch(f"{JOBS}/patched", content=b"{}", headers={"Content-Type": media_type})
    assert (answer.status_code, "merge-patch+json" in answer.json()["message"]) == (415, True)


def test_answer_in_another_form_is_406(api: Api) -> None:
    answer = api.http.get(JOBS, headers={"Accept": "application/vnd.kubernetes.protobuf"})
    assert (answer.status_code, answer.json()["kind"]) == (406, "Status")


@pytest.mark.parametrize(
    "query",
    ["limit=-1", "limit=x", "watch=maybe", "resourceVersion=new", "watch=1&timeoutSeconds=x", "labelSelector=a b",
     "fieldSelector=a", "watch=1&sendInitialEvents=true", "continue=%00"],
)  # fmt: skip
def test_bad_parameter_is_400(api: Api, query: str) -> None:
    answer = api.http.get(f"{JOBS}?{query}")
    assert (answer.status_code, answer.json()["kind"]) == (400, "Status")


@pytest.mark.parametrize(
    ("query", "body", "code"),
    [
        ("propagationPolicy=Sometimes", None, 422),
        ("propagationPolicy=Orphan&orphanDependents=true", None, 400),
        ("gracePeriodSeconds=x", None, 400),
        ("dryRun=Some", None, 400),
        ("", {"gracePeriodSeconds": -1}, 422),
        ("", {"propagationpolicy": "Background"}, 400),
        ("", {"kind": "Job"}, 400),
        ("", [], 400),
    ],
)
def test_bad_delete_is_refused_and_deletes_nothing(api: Api, query: str, body: Any, code: int) -> None:
    api.http.post(JOBS, json=job("kept"))
    answer = api.http.request("DELETE", f"{JOBS}/kept?{query}", json=body)
    assert (answer.status_code, answer.json()["kind"]) == (code, "Status")
    assert api.http.get(f"{JOBS}/kept").status_code == 200


def test_lasting_namespace_is_not_deleted(api: Api) -> None:
    assert api.http.delete("/api/v1/namespaces/default").status_code == 403


def test_dry_run_answers_and_changes_nothing(api: Api) -> None:
    answer = api.http.post(f"{JOBS}?dryRun=All", json=job("dry"))
    assert (answer.status_code, answer.json()["spec"]["backoffLimit"]) == (201, 6)
    assert api.http.get(f"{JOBS}/dry").status_code == 404
    api.http.post(JOBS, json=job("wet"))
    assert api.http.post(f"{JOBS}?dryRun=All", json=job("wet")).status_code == 409
    headers = {"Content-Type": "application/merge-patch+json"}
    patched = api.http.patch(f"{JOBS}/wet?dryRun=All", json={"spec": {"suspend": True}}, headers=headers)
    assert patched.json()["spec"]["suspend"] is True
    assert api.http.delete(f"{JOBS}/wet?dryRun=All").status_code == 200
    assert api.http.get(f"{JOBS}/wet").json()["spec"]["suspend"] is False


def test_object_renamed_on_the_way_is_400(api: Api) -> None:
    api.http.post(JOBS, json=job("here"))
    assert api.http.put(f"{JOBS}/here", json=job("there")).status_code == 400
    assert api.http.put(f"{JOBS}/nowhere", json=job("nowhere")).status_code == 404


def test_every_discovered_collection_can_be_listed(api: Api) -> None:
    assert api.http.get("/api").json()["versions"] == ["v1"]
    groups = [group["preferredVersion"]["groupVersion"] for group in api.http.get("/apis").json()["groups"]]
    assert {"batch/v1", "rbac.authorization.k8s.io/v1", "scheduling.k8s.io/v1", "networking.k8s.io/v1"} <= set(groups)
    for root in ("/api/v1", *(f"/apis/{group}" for group in groups)):
        resources = api.http.get(root).json()["resources"]
        for resource in (each for each in resources if "list" in each["verbs"]):
            listed = api.http.get(f"{root}/{resource['name']}").json()
            assert listed["kind"] == f"{resource['kind']}List"


def test_table_is_served_when_asked_for(api: Api) -> None:
    api.http.post(JOBS, json=job("tabled"))
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    table = api.http.get(f"{JOBS}/tabled", headers={"Accept": accept}).json()
    assert [column["name"] for column in table["columnDefinitions"]][:4] == [
        "Name",
        "Status",
        "Completions",
        "Duration",
    ]
    assert table["rows"][0]["cells"][:3] == ["tabled", "Running", "0/1"]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "$patch", "a", ""]), inner, max_size=2)
    ),
    max_leaves=4,
)
PLACES = ["metadata", "metadata/name", "metadata/labels", "metadata/ownerReferences", "metadata/finalizers", "spec"]
PLACES += ["spec/selector", "spec/template", "spec/template/spec", "spec/podFailurePolicy", "spec/template/metadata"]
PLACES += [f"spec/template/spec/{name}" for name in ("containers", "initContainers", "volumes", "securityContext")]
FORMS = ["application/merge-patch+json", "application/strategic-merge-patch+json"]


@settings(max_examples=150, deadline=None)
@given(place=st.sampled_from(PLACES), value=JSON_VALUES, form=st.sampled_from([None, *FORMS]))
def test_whatever_is_sent_is_accepted_or_refused(api: Api, place: str, value: Any, form: str | None) -> None:
    api.http.post(JOBS, json=job("target"))
    sent: Any = job("sent") if form is None else {}
    found, (*steps, last) = sent, place.split("/")
    for step in steps:
        found = found.setdefault(step, {})
    found[last] = value
    if form is None:
        answer = api.http.post(f"{JOBS}?dryRun=All", json=sent)
    else:
        answer = api.http.patch(f"{JOBS}/target?dryRun=All", json=sent, headers={"Content-Type": form})
    assert answer.status_code in (200, 201, 400, 409, 422), answer.text
    assert answer.json()["kind"] in ("Job", "Status")
