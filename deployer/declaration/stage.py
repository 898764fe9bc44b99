"""What stages/<stage>.yml may contain: the ids and sizes of one stage. Secret values do not belong into it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from deployer.declaration import limits
from deployer.declaration.fields import (
    Concurrency,
    Digits,
    Environment,
    KubernetesName,
    Memory,
    Name,
    Number,
    Quantity,
    Region,
    Strict,
    Text,
    Timeout,
    Truth,
)


class Account(Strict):
    app_id: Digits
    uin: Digits


class Endpoint(Strict):
    """Where the APIs answer when it is not Tencent Cloud itself. Empty: known once the platform runs."""

    scheme: Literal["http", "https"] = "https"
    api: str = ""
    cos: str = ""


class Vpc(Strict):
    vpc_id: Annotated[str, StringConstraints(pattern=r"^vpc-[a-z0-9]+$")]
    subnet_id: Annotated[str, StringConstraints(pattern=r"^subnet-[a-z0-9]+$")]


class Kafka(Strict):
    instance_id: Annotated[str, StringConstraints(pattern=r"^ckafka-[a-z0-9]+$")]
    bootstrap: Annotated[str, StringConstraints(pattern=r"^([^\s,:]+:\d+(,[^\s,:]+:\d+)*)?$")]
    username: str = ""
    replicas: Annotated[Number, Field(ge=limits.TOPIC_REPLICAS[0], le=limits.TOPIC_REPLICAS[1])] = 2


class Quota(Strict):
    pods: Annotated[Number, Field(ge=1)]
    cpu: Quantity
    memory: Quantity


class Cluster(Strict):
    id: Annotated[str, StringConstraints(pattern=r"^cls-[a-z0-9]+$")]
    namespace: KubernetesName
    extranet: Truth = False
    quota: Quota | None = None


class FunctionSize(Strict):
    """What is different of one function in this stage."""

    memory_size: Memory | None = None
    timeout: Timeout | None = None
    concurrency: Concurrency | None = None
    environment: Environment = Field(default_factory=dict)


class Alarms(Strict):
    """Who is told (a notice group's id, or an empty text), where the runbook is found, and this stage's own limits."""

    notice_id: Annotated[str, StringConstraints(pattern=r"^(notice-[A-Za-z0-9-]+)?$")] = ""
    runbook: Text | None = None
    limits: dict[Name, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)


class Canary(Strict):
    """Whether a tiny task goes through the whole system every few minutes: a number that divides an hour evenly."""

    enable: Truth = False
    every_minutes: Literal[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30] = 5


class Stage(Strict):
    """The whole file."""

    env_file: Text | None = None
    region: Region
    account: Account
    endpoint: Endpoint = Endpoint()
    vpc: Vpc
    kafka: Kafka
    cluster: Cluster
    image: Text
    alarms: Alarms = Alarms()
    canary: Canary = Canary()
    environment: Environment = Field(default_factory=dict)
    functions: dict[Name, FunctionSize] = Field(default_factory=dict)
