"""Kubernetes Engine through the SDK: who gets which kubeconfig."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from emulator.account import Account
from emulator.api.tke import ClusterAccess, Tke
from emulator.credentials import Credential
from emulator.documents import Documents
from tests.support.api import APP_ID, OWNER, REGION, UIN, Api, policy, serving, trust

CLUSTER, SERVER = "cls-local000", "https://127.0.0.1:6443"
KUBECONFIG = policy("tke:DescribeClusterKubeconfig", f"qcs::tke:{REGION}:uin/{UIN}:cluster/{CLUSTER}")


@pytest.fixture
def api() -> Iterator[Api]:
    documents = Documents(None)
    account = Account(documents, OWNER, app_id=APP_ID, uin=UIN)
    access = ClusterAccess(
        SERVER, lambda: f"server: {SERVER}\nuser: admin\n", lambda cn: f"server: {SERVER}\nuser: {cn}\n", "vpc-1"
    )
    tke = Tke(documents, account, REGION, {CLUSTER: access})
    with serving(tke, documents=documents, account=account) as running:
        yield running


def worker(api: Api) -> tuple[str, Credential]:
    """A role that may fetch its kubeconfig: its id, and keys of a session of it."""
    document = json.dumps(trust(service="scf.qcloud.com"))
    role_id = api.call("cam", "CreateRole", RoleName="worker", PolicyDocument=document)["RoleId"]
    api.call("cam", "CreatePolicy", PolicyName="p", PolicyDocument=json.dumps(KUBECONFIG))
    api.call("cam", "AttachRolePolicy", AttachRoleName="worker", PolicyName="p")
    return role_id, api.account.session("worker", 60).credential


def kubeconfig(api: Api, who: Credential = OWNER, **more: bool) -> str:
    return str(api.call("tke", "DescribeClusterKubeconfig", who, ClusterId=CLUSTER, **more)["Kubeconfig"])


def common_name(api: Api, role_id: str) -> str:
    answer = api.call("tke", "DescribeClusterCommonNames", ClusterId=CLUSTER, RoleIds=[role_id])
    assert [name["SubaccountUin"] for name in answer["CommonNames"]] == [role_id]
    return str(answer["CommonNames"][0]["CN"])


def test_owner_is_the_clusters_administrator(api: Api) -> None:
    assert "user: admin" in kubeconfig(api)


def test_role_has_one_common_name_in_every_session(api: Api) -> None:
    role_id, keys = worker(api)
    cn = common_name(api, role_id)
    assert cn.startswith(f"{role_id}-")
    assert kubeconfig(api, keys) == f"server: {SERVER}\nuser: {cn}\n"
    assert kubeconfig(api, api.account.session("worker", 60).credential) == kubeconfig(api, keys)


def test_user_has_a_common_name_too(api: Api) -> None:
    user = api.account.add_user("ann", KUBECONFIG)
    answer = api.call("tke", "DescribeClusterCommonNames", ClusterId=CLUSTER, SubaccountUins=["100000000002"])
    assert f"user: {answer['CommonNames'][0]['CN']}\n" in kubeconfig(api, user)


def test_kubeconfig_needs_permission_on_the_cluster(api: Api) -> None:
    _, keys = worker(api)
    asked = {"ClusterId": "cls-other"}
    assert api.refusal("tke", "DescribeClusterKubeconfig", keys, **asked) == "UnauthorizedOperation"
    assert api.refusal("tke", "DescribeClusterKubeconfig", **asked) == "ResourceNotFound.ClusterNotFound"


def test_extranet_endpoint_is_not_open(api: Api) -> None:
    assert SERVER not in kubeconfig(api, IsExtranet=True)
    status = api.call("tke", "DescribeClusterEndpointStatus", ClusterId=CLUSTER, IsExtranet=True)["Status"]
    assert status == "NotFound"
    assert api.call("tke", "DescribeClusterEndpointStatus", ClusterId=CLUSTER)["Status"] == "Created"
    endpoints = api.call("tke", "DescribeClusterEndpoints", ClusterId=CLUSTER)
    assert (endpoints["ClusterIntranetEndpoint"], endpoints["ClusterExternalEndpoint"]) == (SERVER, "")


def test_clusters_are_described(api: Api) -> None:
    cluster = api.call("tke", "DescribeClusters", ClusterIds=[CLUSTER])["Clusters"][0]
    assert (cluster["ClusterStatus"], cluster["ClusterNetworkSettings"]["VpcId"]) == ("Running", "vpc-1")
    assert api.call("tke", "DescribeClusters", ClusterIds=["cls-other"])["TotalCount"] == 0
    states = api.call("tke", "DescribeClusterStatus")["ClusterStatusSet"]
    assert [(state["ClusterId"], state["ClusterState"]) for state in states] == [(CLUSTER, "Running")]


def test_common_names_are_given_to_known_identities_only(api: Api) -> None:
    asked = {"ClusterId": CLUSTER}
    assert api.refusal("tke", "DescribeClusterCommonNames", **asked) == "InvalidParameter.Param"
    assert api.refusal("tke", "DescribeClusterCommonNames", **asked, RoleIds=["1"]) == "ResourceNotFound"
