"""The platform's limits that a declaration can break, in bytes, seconds, MB and counts.

Source unless another is named: quota page cloud.tencent.com/document/product/583/11637 (2025-03-24). "SDK" is the
documentation of a request's parameters in tencentcloud-sdk-python.
"""

from __future__ import annotations

import re

KB = 1024

MEMORY_MB = (64, *range(128, 3073, 128))
TIMEOUT_S = (1, 900)
ENVIRONMENT_BYTES = 4 * KB
FUNCTIONS_PER_NAMESPACE = 50
LAYERS_PER_FUNCTION = 5
LAYERS_PER_REGION = 20
TRIGGERS_PER_TYPE = 10
RULES_PER_BUCKET = 10  # COS trigger rules of one bucket
TIMER_ARGUMENT_BYTES = 4 * KB
NAMESPACE_LENGTH = 60  # tencentcloud.com/zh/document/product/583/11637 (2025-10-16)
NAMESPACE_AND_FUNCTION_LENGTH = 118
DESCRIPTION_LENGTH = 800  # SDK, scf CreateFunction.Description: 1000, of which the deployer needs some for its marks
LAYER_NAME_LENGTH = 64  # SDK, scf PublishLayerVersion.LayerName
ROLE_NAME_LENGTH = 128  # SDK, cam CreateRole.RoleName
SECRET_NAME_LENGTH = 128  # SDK, ssm CreateSecret.SecretName
SECRET_VERSION_LENGTH = 64  # SDK, ssm CreateSecret.VersionId
SESSION_HOURS = 12  # SDK, cam CreateRole.SessionDuration: 43,200 s
BUCKET_HOST_LENGTH = 60  # <name-appid>.cos.<region>.myqcloud.com; product/436/14518 (2025-12-08)
TOPIC_RETENTION_HOURS = (1, 2160)  # SDK, ckafka CreateTopic.RetentionMs: 60,000 to 7,776,000,000 ms
TOPIC_REPLICAS = (1, 3)  # SDK, ckafka CreateTopic.ReplicaNum
LOG_RETENTION_DAYS = (1, 3600)  # SDK, cls CreateTopic.Period
ASYNC_RETRIES = (0, 2)  # two is the default, product/583/41138; more is documented nowhere
ASYNC_MAX_AGE_S = (60, 6 * 3600)  # six hours is the default, same page; more is documented nowhere

RESERVED_PREFIXES = ("SCF_", "QCLOUD_", "TENCENTCLOUD_")
_VARIABLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def environment_problem(environment: dict[str, str]) -> str | None:
    """Why the platform would refuse so many variables, or None. Values are never in the text."""
    size = sum(len(name.encode()) + len(value.encode()) for name, value in environment.items())
    if size > ENVIRONMENT_BYTES:
        return f"{size} bytes of environment variables (names and values); the platform takes {ENVIRONMENT_BYTES}"
    return None


def variable_name_problem(name: str) -> str | None:
    """Why `name` cannot be a variable of a function's own, or None. It may be a value by mistake: it is not shown."""
    if not _VARIABLE_NAME.fullmatch(name):
        return "no name of an environment variable: a letter, then letters, digits and _ are wanted"
    if name.startswith(RESERVED_PREFIXES):
        return f"the prefixes {', '.join(RESERVED_PREFIXES)} are the platform's own"
    return None
