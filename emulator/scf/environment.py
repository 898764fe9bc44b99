"""The environment of an instance, the platform's own variables and then the function's; and a handler's context.

The list is the vendor's (intl.cloud.tencent.com/document/product/583/32748); SCF_NAMESPACE is seen in the wild.
TRIGGER_SRC, which is there for timers only, is set by the bootstrap.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from emulator.credentials import Credential
from emulator.scf.declaration import Declaration, Function

APPID, UIN = "1250000000", "100000000001"
NAMESPACE = "default"
_IN_CONTEXT = ("TENCENTCLOUD_SESSIONTOKEN", "TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY")


def environment(function: Function, declaration: Declaration, role: Credential, python: str) -> dict[str, str]:
    """Every variable that the function sees."""
    return {
        "TENCENTCLOUD_SECRETID": role.secret_id,
        "TENCENTCLOUD_SECRETKEY": role.secret_key,
        "TENCENTCLOUD_SESSIONTOKEN": role.token or "",
        "_SCF_SERVER_PORT": "28902",
        "TENCENTCLOUD_RUNENV": "SCF",
        "USER_CODE_ROOT": "/var/user/",
        "PYTHONDONTWRITEBYTECODE": "x",
        "PYTHONPATH": "/var/user:/opt",
        "PWD": "/var/user",
        "LOGNAME": "qcloud",
        "USER": "qcloud",
        "HOME": "/home/qcloud",
        "LANG": "en_US.UTF8",
        "LC_ALL": "en_US.UTF8",
        "PATH": f"{python.rpartition('/')[0]}:/usr/local/bin:/usr/bin:/bin",
        "SHELL": "/bin/bash",
        "SHLVL": "3",
        "LD_LIBRARY_PATH": "/var/runtime/java x:/var/user:/opt",
        "HOSTNAME": f"scf-{function.name}",
        "SCF_RUNTIME": declaration.runtime,
        "SCF_FUNCTIONNAME": function.name,
        "SCF_FUNCTIONVERSION": "$LATEST",
        "SCF_NAMESPACE": NAMESPACE,
        "TENCENTCLOUD_REGION": declaration.region,
        "TENCENTCLOUD_APPID": APPID,
        "TENCENTCLOUD_UIN": UIN,
        "TENCENTCLOUD_TZ": "UTC",
        **function.environment,
    }


def context(
    function: Function, declaration: Declaration, environ: Mapping[str, str], request_id: str
) -> dict[str, object]:
    """What the handler gets as its second argument (tencentcloud.com/zh/document/product/583/9210).

    `environment` (JSON) and `environ` (K=V;K=V) are texts and hold the function's own variables and its credentials,
    as in a dump of a real one.
    """
    shown = {**function.environment, **{name: environ[name] for name in _IN_CONTEXT}}
    return {
        "memory_limit_in_mb": function.memory_mb,
        "time_limit_in_ms": function.timeout_s * 1000,
        "request_id": request_id,
        "environment": json.dumps(shown, separators=(",", ":")),
        "environ": ";".join(f"{name}={value}" for name, value in {**shown, "SCF_NAMESPACE": NAMESPACE}.items()),
        "function_version": "$LATEST",
        "function_name": function.name,
        "namespace": NAMESPACE,
        "tencentcloud_region": declaration.region,
        "tencentcloud_appid": APPID,
        "tencentcloud_uin": UIN,
    }
