"""What serverless.yml may contain: the keys, types and ranges, and nothing besides.

Serverless Framework's form with the events of Tencent Cloud. Names in the file are camelCase; an unknown key anywhere
but under `custom` is an error. Ranges: deployer/declaration/limits.py, cloud.tencent.com/document/product/583/9210 and
/17530.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from deployer.declaration import limits
from deployer.declaration.fields import (
    Action,
    BucketName,
    Concurrency,
    CosEvent,
    Cron,
    Environment,
    GrantedResource,
    Handler,
    Loose,
    Memory,
    Name,
    Number,
    Prefix,
    Region,
    ServiceName,
    Strict,
    Text,
    Timeout,
    TimerArgument,
    TopicName,
    Truth,
    VariableName,
)

Description = Annotated[str, StringConstraints(max_length=limits.DESCRIPTION_LENGTH)]


class Cors(Strict):
    """What browsers may do; `maxAge` in seconds."""

    origins: Annotated[list[Text], Field(min_length=1)]
    methods: Annotated[list[Literal["GET", "HEAD", "PUT", "POST", "DELETE"]], Field(min_length=1)]
    headers: list[Text] = Field(default_factory=list)
    expose_headers: list[Text] = Field(default_factory=list)
    max_age: Annotated[Number, Field(ge=0, le=86400)] = 0


class Http(Strict):
    """A Function URL."""

    auth_type: Literal["NONE", "CAM"] = "NONE"
    enable_intranet: Truth = True
    enable_extranet: Truth = True
    cors: Cors | None = None


class CosFilter(Strict):
    prefix: str = ""
    suffix: str = ""


class Cos(Strict):
    """Changes of objects of a bucket of `resources.buckets`, by its whole name."""

    bucket: BucketName
    events: CosEvent | Annotated[list[CosEvent], Field(min_length=1)]
    filter: CosFilter = CosFilter()
    enable: Truth = True


class Ckafka(Strict):
    topic: TopicName
    max_msg_num: Annotated[Number, Field(ge=1, le=10000)] = 100
    timeout: Annotated[Number, Field(ge=1, le=60)] = 60
    retry: Annotated[Number, Field(ge=0, le=10000)] = 10000
    offset: Literal["latest", "earliest"] | Annotated[Number, Field(ge=0)] = "latest"
    consumer_group_name: Text | None = None
    enable: Truth = True


class Timer(Strict):
    name: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = None
    cron_expression: Cron
    argument: TimerArgument = ""
    enable: Truth = True


class Event(Strict):
    """One entry of `events`: a mapping with one key, the kind of trigger."""

    http: Http | None = None
    cos: Cos | None = None
    ckafka: Ckafka | None = None
    timer: Timer | None = None


class Permission(Strict):
    """One statement that allows. Resources: `cos:<bucket>/<prefix>*`, `role:<name>`, `cluster`, `*`, or `qcs::…`."""

    actions: Annotated[list[Action], Field(min_length=1)]
    resources: Annotated[list[GrantedResource], Field(min_length=1)]


class DeadLetter(Strict):
    type: Literal["CMQ-QUEUE", "CMQ-TOPIC"]
    name: Text
    filter_type: str = ""


class Asynchronous(Strict):
    """Events that the platform queues; `maxAge` in seconds."""

    retries: Annotated[Number, Field(ge=limits.ASYNC_RETRIES[0], le=limits.ASYNC_RETRIES[1])] | None = None
    max_age: Annotated[Number, Field(ge=limits.ASYNC_MAX_AGE_S[0], le=limits.ASYNC_MAX_AGE_S[1])] | None = None
    dead_letter: DeadLetter | None = None


class FunctionPart(Strict):
    handler: Handler
    path: Text
    description: Description = ""
    memory_size: Memory | None = None
    timeout: Timeout | None = None
    layers: Annotated[list[Text], Field(max_length=limits.LAYERS_PER_FUNCTION)] = Field(default_factory=list)
    secrets: list[Text] = Field(default_factory=list)
    environment: Environment = Field(default_factory=dict)
    permissions: list[Permission] = Field(default_factory=list)
    concurrency: Concurrency | None = None
    asynchronous: Asynchronous | None = None
    events: list[Event] = Field(default_factory=list)


class Vpc(Strict):
    vpc_id: Text
    subnet_id: Text


class Provider(Strict):
    name: Literal["tencent"]
    runtime: Literal["Python3.10", "Python3.9", "Python3.7", "Python3.6"]
    region: Region
    stage: Name
    memory_size: Memory = 128
    timeout: Timeout = 3
    vpc: Vpc | None = None
    secrets_variable: VariableName | None = None
    environment: Environment = Field(default_factory=dict)


class Layer(Strict):
    path: Text
    description: Description = ""


class Migrations(Strict):
    function: Text
    event: dict[str, Any]
    path: Text


class Packages(Strict):
    bucket: Text
    prefix: Prefix


class Lifecycle(Strict):
    prefix: Prefix
    days: Annotated[Number, Field(ge=1)]


class Bucket(Strict):
    name: BucketName
    lifecycle: list[Lifecycle] = Field(default_factory=list)
    cors: list[Cors] = Field(default_factory=list)


class Topic(Strict):
    partitions: Annotated[Number, Field(ge=1)]
    retention_hours: Annotated[
        Number, Field(ge=limits.TOPIC_RETENTION_HOURS[0], le=limits.TOPIC_RETENTION_HOURS[1])
    ] = 72


class Role(Strict):
    description: Description = ""
    session_hours: Annotated[Number, Field(ge=1, le=limits.SESSION_HOURS)] = 2
    permissions: Annotated[list[Permission], Field(min_length=1)]


class Logs(Strict):
    retention_days: Annotated[Number, Field(ge=limits.LOG_RETENTION_DAYS[0], le=limits.LOG_RETENTION_DAYS[1])]


class Prices(Strict):
    """What functions cost, in any one currency: per GB-second, and per million calls."""

    gb_second: Annotated[float, Field(ge=0)]
    million_calls: Annotated[float, Field(ge=0)]


class Observability(Strict):
    """Alarm policies and a dashboard in CLS, over the functions' logs. `runbook`: what the alarms link to."""

    alarms: Text | None = None
    dashboard: Text | None = None
    runbook: Text = "docs/runbook.md"
    prices: Prices


class Cluster(Strict):
    manifests: Text


class Resources(Strict):
    """What the functions need around them."""

    migrations: Migrations | None = None
    packages: Packages | None = None
    buckets: dict[Name, Bucket] = Field(default_factory=dict)
    topics: dict[TopicName, Topic] = Field(default_factory=dict)
    secrets: dict[Name, Annotated[list[VariableName], Field(min_length=1)]] = Field(default_factory=dict)
    roles: dict[Name, Role] = Field(default_factory=dict)
    logs: Logs | None = None
    observability: Observability | None = None
    cluster: Cluster | None = None


class Document(Strict):
    """The whole file. `custom.stage` is the stage, which has a schema of its own."""

    service: ServiceName
    framework_version: Loose | None = None
    config_validation_mode: Literal["error"] = "error"
    plugins: list[Text] = Field(default_factory=list)
    provider: Provider
    custom: dict[str, Any]
    layers: Annotated[dict[Name, Layer], Field(max_length=limits.LAYERS_PER_REGION)] = Field(default_factory=dict)
    functions: Annotated[dict[Name, FunctionPart], Field(min_length=1, max_length=limits.FUNCTIONS_PER_NAMESPACE)]
    resources: Resources = Resources()
