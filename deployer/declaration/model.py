"""What the rest of the deployer sees of serverless.yml and its stage: frozen, complete, checked.

Sizes are MB, times are seconds unless a name says otherwise. `None` or an empty collection: not declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Vpc:
    """The network of the functions, given by id."""

    vpc_id: str
    subnet_id: str


@dataclass(frozen=True)
class Provider:
    """What all functions share; already merged into each `Function`."""

    memory_mb: int
    timeout_s: int
    vpc: Vpc | None
    environment: dict[str, str]
    secrets_variable: str | None
    """Name of the variable that tells a function its secrets, as references."""


@dataclass(frozen=True)
class Account:
    """Whose account it is. `app_id` is the number behind bucket names, `uin` the main account's."""

    app_id: str
    uin: str


@dataclass(frozen=True)
class Endpoint:
    """Where the APIs answer. `api` is host:port, `cos` a domain that may hold {bucket}; empty: Tencent Cloud's own."""

    scheme: Literal["http", "https"]
    api: str
    cos: str


@dataclass(frozen=True)
class Kafka:
    """The CKafka instance of the stage. `bootstrap` is host:port, for clients in the VPC."""

    instance_id: str
    bootstrap: str
    username: str
    replicas: int
    """Of each topic that is created."""


@dataclass(frozen=True)
class Quota:
    """The most that the namespace's pods may take together, in Kubernetes' notation."""

    pods: int
    cpu: str
    memory: str


@dataclass(frozen=True)
class Cluster:
    """The TKE cluster of the stage, and what the deployer sets up in it."""

    id: str
    namespace: str
    extranet: bool
    """Whoever deploys reaches the cluster by its public endpoint; the functions always use the one in the VPC."""
    quota: Quota | None
    manifests: Path | None
    """Folder of manifests, absolute."""


@dataclass(frozen=True)
class Layer:
    """A folder that becomes a layer. `name` is the key in serverless.yml, not the name in the cloud."""

    name: str
    path: str
    """Relative to the project."""
    description: str


@dataclass(frozen=True)
class Permission:
    """One statement that allows `actions` on `resources`: all written out as the platform wants them (qcs::… or *)."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True)
class Cors:
    """What browsers may do. `max_age_s`: how long they may remember it."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    expose_headers: tuple[str, ...]
    max_age_s: int


@dataclass(frozen=True)
class Http:
    """A Function URL."""

    auth_type: Literal["NONE", "CAM"]
    enable_intranet: bool
    enable_extranet: bool
    cors: Cors | None


@dataclass(frozen=True)
class CosRule:
    """A COS trigger: which changes of which bucket call the function."""

    bucket: str
    """name-appid"""
    events: tuple[str, ...]
    prefix: str
    suffix: str

    def overlaps(self, other: CosRule) -> bool:
        """Some change could call both: the platform refuses that within a bucket."""
        return (
            self.bucket == other.bucket
            and any(_covers(a, b) or _covers(b, a) for a in self.events for b in other.events)
            and (self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix))
            and (self.suffix.endswith(other.suffix) or other.suffix.endswith(self.suffix))
        )


@dataclass(frozen=True)
class Ckafka:
    """A CKafka trigger of the stage's instance."""

    topic: str
    max_msg_num: int
    timeout_s: int
    retry: int
    offset: str
    """earliest, latest or a time in milliseconds"""
    consumer_group_name: str | None


@dataclass(frozen=True)
class Timer:
    """A timer trigger; seven cron fields, UTC+8."""

    name: str
    cron_expression: str
    argument: str


@dataclass(frozen=True)
class DeadLetter:
    """Where the platform puts events that failed for good: a queue or topic of its message service."""

    type: Literal["CMQ-QUEUE", "CMQ-TOPIC"]
    name: str
    filter_type: str


@dataclass(frozen=True)
class Asynchronous:
    """Events that the platform queues (COS, timer, Invoke of type Event). None: the platform's own setting."""

    retries: int | None
    max_age_s: int | None
    dead_letter: DeadLetter | None


@dataclass(frozen=True)
class Function:
    """One function, with what provider and stage give it filled in; only enabled triggers."""

    name: str
    description: str
    handler: str
    path: str
    """Relative to the project."""
    memory_mb: int
    timeout_s: int
    layers: tuple[str, ...]
    """Keys of `Declaration.layers`; the later one wins where both have a file."""
    secrets: tuple[str, ...]
    """Keys of `Declaration.secrets`"""
    environment: dict[str, str]
    """Without empty values, and without the variable of the secrets' references."""
    permissions: tuple[Permission, ...]
    concurrency: int | None
    """Instances at a time that are reserved for it. None: it takes part in the region's."""
    http: Http | None
    cos: tuple[CosRule, ...]
    ckafka: tuple[Ckafka, ...]
    timers: tuple[Timer, ...]
    asynchronous: Asynchronous | None


@dataclass(frozen=True)
class LifecycleRule:
    """Objects below `prefix` are deleted `days` after they were written."""

    prefix: str
    days: int


@dataclass(frozen=True)
class Bucket:
    """A bucket: private and encrypted always. `name` is name-appid."""

    key: str
    name: str
    lifecycle: tuple[LifecycleRule, ...]
    cors: tuple[Cors, ...]


@dataclass(frozen=True)
class Topic:
    """A topic of the stage's CKafka instance."""

    name: str
    partitions: int
    retention_hours: int


@dataclass(frozen=True)
class Secret:
    """A secret of Secrets Manager: a JSON object of `settings`, whose values are in `Declaration.secret_values`."""

    key: str
    settings: tuple[str, ...]


@dataclass(frozen=True)
class Role:
    """A CAM role besides those of the functions."""

    name: str
    description: str
    session_s: int
    """The longest time that keys of it may live."""
    permissions: tuple[Permission, ...]


@dataclass(frozen=True)
class Logs:
    """The functions' log topic."""

    retention_days: int


@dataclass(frozen=True)
class Observability:
    """What Tencent's console shows of the functions' logs, and when it calls somebody."""

    alarms: Path | None
    """The list of alarm policies, absolute."""
    dashboard: Path | None
    """The list of charts, absolute."""
    runbook: str
    """What the alarms' messages link to, with the alarm's name behind a #."""
    notices: tuple[str, ...]
    """Ids of the CLS notice groups that are told. None: alarms are only seen in the console."""
    limits: dict[str, float]
    """By alarm, what this stage has instead of the list's limit."""
    gb_second: float
    million_calls: float
    """What a GB-second and a million calls of functions cost, in one currency."""


@dataclass(frozen=True)
class Migrations:
    """`function` is called with `event` before new code gets traffic, when the files in `path` have changed."""

    function: str
    event: dict[str, Any]
    path: Path
    """Absolute."""


@dataclass(frozen=True)
class Packages:
    """Where packages too large for a request are put. `bucket` is a key of `Declaration.buckets`."""

    bucket: str
    prefix: str


@dataclass(frozen=True)
class Declaration:
    """All of serverless.yml for one stage. `secret_values` is never shown: it is in no repr and no comparison."""

    service: str
    stage: str
    region: str
    runtime: str
    project: Path
    """Absolute."""
    provider: Provider
    account: Account
    endpoint: Endpoint
    kafka: Kafka
    cluster: Cluster
    image: str
    layers: dict[str, Layer]
    functions: dict[str, Function]
    buckets: dict[str, Bucket]
    topics: dict[str, Topic]
    secrets: dict[str, Secret]
    roles: dict[str, Role]
    logs: Logs | None
    migrations: Migrations | None
    packages: Packages | None
    secret_values: Mapping[str, str] = field(repr=False, compare=False)
    """The secrets' settings that were given, none of them empty; one that is in the cloud already may be missing."""
    environ: Mapping[str, str] = field(repr=False, compare=False)
    """The environment with envFile's lines over it: where the keys of whoever deploys are found."""
    observability: Observability | None = None

    def name(self, suffix: str) -> str:
        """The cloud's name of a thing of this stage: <service>-<stage>-<suffix>."""
        return f"{self.service}-{self.stage}-{suffix}"

    @property
    def namespace(self) -> str:
        """The namespace of the functions in SCF, and the log set: <service>-<stage>."""
        return f"{self.service}-{self.stage}"


def _covers(pattern: str, event: str) -> bool:
    return pattern == event or (pattern.endswith(":*") and event.startswith(pattern[:-1]))
