"""The composition root: settings in, every adapter out. One per instance; clients connect at their first use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from patchmill.adapters.cache import Cache
from patchmill.adapters.cloudapi import Api
from patchmill.adapters.clusteraccess import ClusterAccess
from patchmill.adapters.cos import Bucket
from patchmill.adapters.database import Database
from patchmill.adapters.deadletters import DeadLetters
from patchmill.adapters.kafka import Producer
from patchmill.adapters.kubernetes import Cluster
from patchmill.adapters.outbox import Outbox
from patchmill.adapters.rolesession import RoleSession
from patchmill.adapters.stats import Stats
from patchmill.adapters.tasks import Tasks
from patchmill.credentials import RoleKeys
from patchmill.settings import Settings
from patchmill.traceexport import Traces


@dataclass(frozen=True)
class Services:
    settings: Settings
    tasks: Tasks
    outbox: Outbox
    dead_letters: DeadLetters
    stats: Stats
    database: Database
    cache: Cache
    producer: Producer
    code: Bucket
    logs: Bucket
    cluster: Cluster
    hasty_cluster: Cluster
    """For what is only worth a short wait: one try."""
    access: ClusterAccess
    pods: RoleSession
    """Keys for what a pod gets."""
    api: Api
    traces: Traces

    def close(self) -> None:
        """For tests; an instance of the platform is just killed."""
        self.cache.close()
        self.producer.close()
        self.database.close()
        self.access.close()


def build(settings: Settings, keys: RoleKeys, api: Api, scratch: Path | None = None) -> Services:
    """`scratch`: a private folder that outlives the process where there is one; None: the system's for such files."""
    access = ClusterAccess(settings, api, scratch)
    database = Database(settings.mysql_url)
    tasks = Tasks(database, settings.requeue_after_s, settings.agents)
    return Services(
        settings=settings,
        tasks=tasks,
        outbox=Outbox(database, settings.requeue_after_s),
        dead_letters=DeadLetters(database),
        stats=Stats(database),
        database=database,
        cache=Cache(settings.redis_url),
        producer=Producer(settings),
        code=Bucket(settings.code_bucket, settings, keys),
        logs=Bucket(settings.logs_bucket, settings, keys),
        cluster=Cluster(access, settings.kube_namespace),
        hasty_cluster=Cluster(access, settings.kube_namespace, tries=1, read_s=4.0),
        access=access,
        pods=RoleSession(api, settings.pods_role),
        api=api,
        traces=Traces(settings, tasks),
    )
