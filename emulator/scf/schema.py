"""What serverless.yml may contain: the keys, types and ranges, and nothing besides.

Serverless Framework's form with the events of Tencent Cloud. Names in the file are camelCase; an unknown key anywhere
but under `custom` is an error. Ranges: cloud.tencent.com/document/product/583/11637, /9210 and /17530.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from emulator.scf import limits
from emulator.scf.cron import cron_problem
from emulator.scf.variables import EnvText


def _number_from_env(value: Any) -> Any:
    return int(value) if isinstance(value, EnvText) and value.isdecimal() else value


def _truth_from_env(value: Any) -> Any:
    return value == "true" if isinstance(value, EnvText) and value in ("true", "false") else value


def _text_from_number(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _memory(value: int) -> int:
    if value not in limits.MEMORY_MB:
        raise ValueError("64, or a multiple of 128 from 128 to 3072 (MB)")
    return value


def _cron(value: str) -> str:
    if problem := cron_problem(value):
        raise ValueError(problem)
    return value


def _argument(value: str) -> str:
    if len(value.encode()) > limits.TIMER_ARGUMENT_BYTES:
        raise ValueError(f"at most {limits.TIMER_ARGUMENT_BYTES} bytes")
    return value


def _variable_name(value: str) -> str:
    if problem := limits.variable_name_problem(value):
        raise ValueError(problem)
    return value


Number = Annotated[int, BeforeValidator(_number_from_env)]
Truth = Annotated[bool, BeforeValidator(_truth_from_env)]
Text = Annotated[str, StringConstraints(min_length=1)]
Memory = Annotated[Number, AfterValidator(_memory)]
Timeout = Annotated[Number, Field(ge=limits.TIMEOUT_S[0], le=limits.TIMEOUT_S[1])]
Environment = dict[Annotated[str, AfterValidator(_variable_name)], Annotated[str, BeforeValidator(_text_from_number)]]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]$")]
Handler = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{2,60}\.[A-Za-z0-9_-]{2,60}$")]
CosEvent = Literal[
    "cos:ObjectCreated:*", "cos:ObjectCreated:Put", "cos:ObjectCreated:Post", "cos:ObjectCreated:Copy",
    "cos:ObjectCreated:CompleteMultipartUpload", "cos:ObjectCreated:Origin", "cos:ObjectCreated:Replication",
    "cos:ObjectCreated:Append", "cos:ObjectRemove:*", "cos:ObjectRemove:Delete", "cos:ObjectRemove:DeleteMarkerCreated",
    "cos:ObjectRestore:*", "cos:ObjectRestore:Post", "cos:ObjectRestore:Completed",
]  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


class Http(_Strict):
    """A Function URL."""

    auth_type: Literal["NONE", "CAM"] = "NONE"
    enable_intranet: Truth = True
    enable_extranet: Truth = True


class CosFilter(_Strict):
    prefix: str = ""
    suffix: str = ""


class Cos(_Strict):
    """Objects of a bucket: `name-appid`, or that with `.cos.<region>.myqcloud.com` behind."""

    bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*-\d+(\.cos\.[a-z0-9-]+\.myqcloud\.com)?$")]
    events: CosEvent | Annotated[list[CosEvent], Field(min_length=1)]
    filter: CosFilter = CosFilter()
    enable: Truth = True


class Ckafka(_Strict):
    topic: Text
    max_msg_num: Annotated[Number, Field(ge=1, le=10000)] = 100
    timeout: Annotated[Number, Field(ge=1, le=60)] = 60
    retry: Annotated[Number, Field(ge=0, le=10000)] = 10000
    offset: Literal["latest", "earliest"] | Annotated[Number, Field(ge=0)] = "latest"
    consumer_group_name: Text | None = None
    enable: Truth = True


class Timer(_Strict):
    name: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = None
    cron_expression: Annotated[str, AfterValidator(_cron)]
    argument: Annotated[str, AfterValidator(_argument)] = ""
    enable: Truth = True


class Event(_Strict):
    """One entry of `events`: a mapping with one key, the kind of trigger."""

    http: Http | None = None
    cos: Cos | None = None
    ckafka: Ckafka | None = None
    timer: Timer | None = None


class FunctionPart(_Strict):
    handler: Handler
    path: Text
    description: Annotated[str, StringConstraints(max_length=1000)] = ""
    memory_size: Memory | None = None
    timeout: Timeout | None = None
    layers: Annotated[list[Text], Field(max_length=limits.LAYERS_PER_FUNCTION)] = []
    environment: Environment = {}
    concurrency: Annotated[Number, Field(ge=1)] | None = None
    events: list[Event] = []


class Provider(_Strict):
    name: Literal["tencent"]
    runtime: Literal["Python3.10", "Python3.9", "Python3.7", "Python3.6"]
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}-[a-z]+(-[a-z0-9]+)*$")]
    stage: Name = "dev"
    memory_size: Memory = 128
    timeout: Timeout = 3
    environment: Environment = {}


class Layer(_Strict):
    path: Text


class Document(_Strict):
    """The whole file."""

    service: Name
    framework_version: Annotated[str, BeforeValidator(_text_from_number)] | None = None
    provider: Provider
    custom: dict[str, Any] = {}
    layers: dict[Name, Layer] = {}
    functions: Annotated[dict[Name, FunctionPart], Field(min_length=1)]
