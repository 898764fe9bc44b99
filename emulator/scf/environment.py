"""The environment of an instance: the platform's own variables, then the function's.

The list is the vendor's (intl.cloud.tencent.com/document/product/583/32748); SCF_NAMESPACE is seen in the wild.
"""

from __future__ import annotations

from emulator.credentials import Credential
from emulator.scf.declaration import Declaration, Function

APPID, UIN = "1250000000", "100000000001"
NAMESPACE = "default"


def environment(function: Function, declaration: Declaration, role: Credential, python: str) -> dict[str, str]:
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
        "TZ": "UTC",
        **function.environment,
    }


def context(function: Function, declaration: Declaration, request_id: str) -> dict[str, object]:
    """What the handler gets as its second argument (tencentcloud.com/zh/document/product/583/9210)."""
    own = function.environment
    platform = {"SCF_NAMESPACE": NAMESPACE}
    return {
        "memory_limit_in_mb": function.memory_mb,
        "time_limit_in_ms": function.timeout_s * 1000,
        "request_id": request_id,
        "environment": own,
        "environ": ";".join(f"{name}={value}" for name, value in {**own, **platform}.items()),
        "function_version": "$LATEST",
        "function_name": function.name,
        "namespace": NAMESPACE,
        "tencentcloud_region": declaration.region,
        "tencentcloud_appid": APPID,
        "tencentcloud_uin": UIN,
    }
