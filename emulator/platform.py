"""The emulated account's services put together: what the engines and stand-ins are in; SCF and the API's app out.

One region, one VPC, one CKafka instance, one TKE cluster, as stages/local.yml gives them to the deployer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp

from emulator.account import Account
from emulator.api.cam import Cam
from emulator.api.ckafka import TOPICS, Ckafka
from emulator.api.ckafkatopic import Instance, Topics
from emulator.api.cls import Cls
from emulator.api.faults import Faults
from emulator.api.logstore import LogStore
from emulator.api.policies import Policies
from emulator.api.roles import Roles
from emulator.api.server import Hooks, create_app
from emulator.api.ssm import Ssm
from emulator.api.sts import Sts
from emulator.api.tke import ClusterAccess, Tke
from emulator.documents import Documents
from emulator.scf import Scf

REGION, APP_ID, UIN = "ap-guangzhou", "1250000000", "100000000001"
VPC, KAFKA_INSTANCE, CLUSTER = "vpc-local000", "ckafka-local000", "cls-local000"
FAULTS = "faults.json"


@dataclass(frozen=True)
class Neighbours:
    """What stands beside SCF and is reached through the API. `logs` holds what functions print."""

    bootstrap: str
    topics: Topics
    clusters: Mapping[str, ClusterAccess]
    logs: LogStore


def api_app(
    documents: Documents,
    account: Account,
    scf: Scf,
    neighbours: Neighbours,
    *,
    faults: Faults | None = None,
    hooks: Hooks | None = None,
) -> ASGIApp:
    """The one endpoint of the API."""
    roles = Roles(documents, account)
    instance = Instance(KAFKA_INSTANCE, neighbours.bootstrap, neighbours.topics, vpc_id=VPC)
    services = [
        scf.service,
        Cam(account, roles, Policies(documents, account, roles)),
        Sts(account, roles),
        Ssm(documents, account, REGION),
        Tke(documents, account, REGION, neighbours.clusters),
        # On the platform a topic that is younger than a minute cannot be deleted; a person need not wait here.
        Ckafka(documents, account, REGION, [instance], delete_after_s=0),
        Cls(documents, account, REGION, neighbours.logs),
    ]
    return create_app(services, account, REGION, faults, hooks)


def kept_topics(documents: Documents) -> dict[str, int]:
    """Topics and their partitions, for a broker that has lost its memory."""
    return {topic["name"]: topic["partitions"] for topic in documents.all(TOPICS).values()}
