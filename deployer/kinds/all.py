"""All kinds of resources in the order in which they are made: what is needed comes before what needs it."""

from __future__ import annotations

from deployer.context import Context
from deployer.kinds.alarms import AlarmsKind
from deployer.kinds.bucket import BucketKind
from deployer.kinds.cluster import ClusterKind
from deployer.kinds.dashboard import DashboardKind
from deployer.kinds.function import FunctionKind
from deployer.kinds.layer import LayerKind
from deployer.kinds.logs import LogsKind
from deployer.kinds.migrations import MigrationsKind
from deployer.kinds.namespace import NamespaceKind
from deployer.kinds.release import ReleaseKind
from deployer.kinds.role import RoleKind
from deployer.kinds.secret import SecretKind
from deployer.kinds.topic import TopicKind
from deployer.kinds.trigger import TriggerKind
from deployer.kinds.versions import VersionsKind
from deployer.model import Kind


def every_kind(context: Context) -> list[Kind]:
    """Buckets first (large packages go through one); traffic moves only when all that new code needs is there.

    What watches comes last: it shows and counts what the new code writes."""
    return [
        BucketKind(context),
        TopicKind(context),
        LogsKind(context),
        SecretKind(context),
        RoleKind(context),
        ClusterKind(context),
        NamespaceKind(context),
        LayerKind(context),
        FunctionKind(context),
        MigrationsKind(context),
        ReleaseKind(context),
        TriggerKind(context),
        VersionsKind(context),
        DashboardKind(context),
        AlarmsKind(context),
    ]
