"""Kubernetes Engine: which clusters there are, and who gets in as whom (https://cloud.tencent.com/document/api/457).

The account's owner gets the cluster's administrator. Every other identity gets a client certificate of its own, whose
CommonName stays the same (<uin or role id>-<when first asked for>) and may do nothing until a RoleBinding names it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emulator.account import ROLES, USERS, Account
from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.fields import number, one_of
from emulator.documents import Documents

COMMON_NAMES = "tke-common-name"
MAX_IDS = 50


@dataclass(frozen=True)
class ClusterAccess:
    """A running cluster: its server's URL, a kubeconfig (YAML) of its administrator, and one for a CommonName."""

    server: str
    admin: Callable[[], str]
    identity: Callable[[str], str]
    vpc_id: str = ""


class Tke:
    """`clusters` by cluster id. Each has its intranet endpoint open and no extranet one."""

    name = "tke"
    version = "2018-05-25"

    def __init__(
        self,
        documents: Documents,
        account: Account,
        region: str,
        clusters: Mapping[str, ClusterAccess],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._documents, self._account, self._region = documents, account, region
        self._clusters, self._clock = clusters, clock

    @property
    def actions(self) -> Mapping[str, Action]:
        return {
            "DescribeClusters": Action(self._describe_clusters),
            "DescribeClusterStatus": Action(self._describe_status),
            "DescribeClusterKubeconfig": Action(self._describe_kubeconfig, self._resource),
            "DescribeClusterCommonNames": Action(self._describe_common_names, self._resource),
            "DescribeClusterEndpoints": Action(self._describe_endpoints, self._resource),
            "DescribeClusterEndpointStatus": Action(self._describe_endpoint_status, self._resource),
        }

    def _resource(self, params: Params) -> str:
        # https://cloud.tencent.com/document/product/598/70052
        return f"qcs::tke:{self._region}:uin/{self._account.uin}:cluster/{params['ClusterId']}"

    async def _describe_clusters(self, call: Call, params: Params) -> Params:
        wanted = params.get("ClusterIds", [])
        kind = one_of(params, "ClusterType", ("MANAGED_CLUSTER", "INDEPENDENT_CLUSTER", ""), "")
        offset, limit = number(params, "Offset", 0, 10**6, 0), number(params, "Limit", 1, 100, 20)
        if params.get("Filters"):
            raise ApiError("UnsupportedOperation", "Parameter `Filters` is not supported by this stand-in.")
        found = [
            {
                "ClusterId": cluster_id,
                "ClusterName": cluster_id,
                "ClusterDescription": "",
                "ClusterType": "MANAGED_CLUSTER",
                "ClusterStatus": "Running",
                "ClusterNetworkSettings": {"VpcId": cluster.vpc_id},
                "ClusterNodeNum": 1,
            }
            for cluster_id, cluster in self._clusters.items()
            if cluster_id in (wanted or [cluster_id]) and kind != "INDEPENDENT_CLUSTER"
        ]
        return {"TotalCount": len(found), "Clusters": found[offset : offset + limit]}

    async def _describe_status(self, call: Call, params: Params) -> Params:
        wanted = params.get("ClusterIds") or list(self._clusters)
        found = [
            {
                "ClusterId": cluster_id,
                "ClusterState": "Running",
                "ClusterInstanceState": "AllNormal",
                "ClusterRunningNodeNum": 1,
                "ClusterFailedNodeNum": 0,
            }
            for cluster_id in wanted
            if cluster_id in self._clusters
        ]
        return {"ClusterStatusSet": found, "TotalCount": len(found)}

    async def _describe_kubeconfig(self, call: Call, params: Params) -> Params:
        cluster, who = self._cluster(params), self._account.name_of(call.secret_id)
        if who.kind == "owner":
            text = cluster.admin()
        else:
            text = cluster.identity(self._common_name(params["ClusterId"], who.id))
        if params.get("IsExtranet", False):
            # Without an extranet endpoint the platform gives a default domain that nothing answers at.
            text = re.sub(r"(server:) \S+", rf"\1 https://{params['ClusterId']}.ccs.tencent-cloud.com", text)
        return {"Kubeconfig": text}

    async def _describe_common_names(self, call: Call, params: Params) -> Params:
        self._cluster(params)
        uins, role_ids = params.get("SubaccountUins", []), params.get("RoleIds", [])
        if not 1 <= len(uins) + len(role_ids) <= MAX_IDS:
            raise ApiError("InvalidParameter.Param", f"Give 1 to {MAX_IDS} SubaccountUins or RoleIds.")
        users = {self._account.uin} | {user["uin"] for user in self._documents.all(USERS).values()}
        known = users | {role["RoleId"] for role in self._documents.all(ROLES).values()}
        if unknown := [wanted for wanted in (*uins, *role_ids) if wanted not in known]:
            raise ApiError("ResourceNotFound", f"There is no sub-account or role {unknown[0]}.")
        names = [
            {"SubaccountUin": wanted, "CN": self._common_name(params["ClusterId"], wanted)}
            for wanted in dict.fromkeys((*uins, *role_ids))
        ]
        return {"CommonNames": names}

    async def _describe_endpoints(self, call: Call, params: Params) -> Params:
        cluster = self._cluster(params)
        return {
            "ClusterIntranetEndpoint": cluster.server,
            "ClusterExternalEndpoint": "",
            "ClusterDomain": f"{params['ClusterId']}.ccs.tencent-cloud.com",
        }

    async def _describe_endpoint_status(self, call: Call, params: Params) -> Params:
        self._cluster(params)
        return {"Status": "NotFound" if params.get("IsExtranet", False) else "Created", "ErrorMsg": ""}

    def _cluster(self, params: Params) -> ClusterAccess:
        cluster = self._clusters.get(params["ClusterId"])
        if cluster is None:
            raise ApiError("ResourceNotFound.ClusterNotFound", f"There is no cluster {params['ClusterId']}.")
        return cluster

    def _common_name(self, cluster_id: str, identity: str) -> str:
        """That of an identity's certificate: made up once, kept for good."""
        key = f"{cluster_id}/{identity}"
        known = self._documents.get(COMMON_NAMES, key)
        if known is None:
            known = {"cn": f"{identity}-{int(self._clock())}"}
            self._documents.put(COMMON_NAMES, key, known)
        return str(known["cn"])
