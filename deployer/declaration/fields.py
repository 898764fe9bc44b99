"""The types that serverless.yml and the stage files are made of. An unknown key anywhere is an error."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.alias_generators import to_camel

from deployer.declaration import limits
from deployer.declaration.cron import cron_problem
from deployer.declaration.variables import EnvText


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
Digits = Annotated[str, BeforeValidator(_text_from_number), StringConstraints(pattern=r"^\d+$")]
Loose = Annotated[str, BeforeValidator(_text_from_number)]
Memory = Annotated[Number, AfterValidator(_memory), WithJsonSchema({"type": "integer", "enum": list(limits.MEMORY_MB)})]
Timeout = Annotated[Number, Field(ge=limits.TIMEOUT_S[0], le=limits.TIMEOUT_S[1])]
Concurrency = Annotated[Number, Field(ge=1)]
VariableName = Annotated[str, AfterValidator(_variable_name)]
Environment = dict[VariableName, Loose]
ServiceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,58}[A-Za-z0-9]$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,58}[A-Za-z0-9]$")]
Handler = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{2,60}\.[A-Za-z0-9_-]{2,60}$")]
BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?-\d+$")]
TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}-[a-z]+(-[a-z0-9]+)*$")]
KubernetesName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Quantity = Annotated[str, BeforeValidator(_text_from_number), StringConstraints(pattern=r"^\d+(\.\d+)?(m|[kKMGT]i?)?$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^[^/*].*/$")]
Cron = Annotated[str, AfterValidator(_cron)]
TimerArgument = Annotated[str, AfterValidator(_argument)]
Action = Annotated[str, StringConstraints(pattern=r"^(name/)?[a-z]+:[A-Za-z*]+$")]
GrantedResource = Annotated[
    str, StringConstraints(pattern=r"^(\*|cluster|cos:[A-Za-z][A-Za-z0-9_-]*/.+|role:[A-Za-z][A-Za-z0-9_-]*|qcs::.+)$")
]
CosEvent = Literal[
    "cos:ObjectCreated:*", "cos:ObjectCreated:Put", "cos:ObjectCreated:Post", "cos:ObjectCreated:Copy",
    "cos:ObjectCreated:CompleteMultipartUpload", "cos:ObjectCreated:Origin", "cos:ObjectCreated:Replication",
    "cos:ObjectCreated:Append", "cos:ObjectRemove:*", "cos:ObjectRemove:Delete", "cos:ObjectRemove:DeleteMarkerCreated",
    "cos:ObjectRestore:*", "cos:ObjectRestore:Post", "cos:ObjectRestore:Completed",
]  # fmt: skip


class Strict(BaseModel):
    """Keys are camelCase in the file; nothing is converted, and nothing unknown is let through."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)
