"""The environment of an instance, the platform's own variables and then the function's; and a handler's context.

The list is the vendor's (intl.cloud.tencent.com/document/product/583/32748); SCF_NAMESPACE is seen in the wild.
TRIGGER_SRC, which is there for timers only, is set by the bootstrap. How the keys of a function's role are renewed in
an instance that lives on is not documented: here every event's context has fresh ones, the process's own environment
those of its start. A function without a role has none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from emulator.credentials import Credential
from emulator.scf.records import Function, Version


@dataclass(frozen=True)
class Site:
    """Where everything runs."""

    region: str
    app_id: str
    uin: str


def environment(
    function: Function, version: Version, site: Site, keys: Credential | None, python: str
) -> dict[str, str]:
    """Every variable that the function sees."""
    return {
        **_keys(keys),
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
        "SCF_RUNTIME": function.runtime,
        "SCF_FUNCTIONNAME": function.name,
        "SCF_FUNCTIONVERSION": version.version,
        "SCF_NAMESPACE": function.namespace,
        "TENCENTCLOUD_REGION": site.region,
        "TENCENTCLOUD_APPID": site.app_id,
        "TENCENTCLOUD_UIN": site.uin,
        "TENCENTCLOUD_TZ": "UTC",
        **version.environment,
    }


def context(
    function: Function, version: Version, site: Site, keys: Credential | None, request_id: str
) -> dict[str, object]:
    """What the handler gets as its second argument (tencentcloud.com/zh/document/product/583/9210).

    `environment` (JSON) and `environ` (K=V;K=V) are texts and hold the function's own variables and its credentials,
    as in a dump of a real one.
    """
    shown = {**version.environment, **_keys(keys)}
    return {
        "memory_limit_in_mb": version.memory_mb,
        "time_limit_in_ms": version.timeout_s * 1000,
        "request_id": request_id,
        "environment": json.dumps(shown, separators=(",", ":")),
        "environ": ";".join(
            f"{name}={value}" for name, value in {**shown, "SCF_NAMESPACE": function.namespace}.items()
        ),
        "function_version": version.version,
        "function_name": function.name,
        "namespace": function.namespace,
        "tencentcloud_region": site.region,
        "tencentcloud_appid": site.app_id,
        "tencentcloud_uin": site.uin,
    }


def _keys(keys: Credential | None) -> dict[str, str]:
    if keys is None:
        return {}
    return {
        "TENCENTCLOUD_SECRETID": keys.secret_id,
        "TENCENTCLOUD_SECRETKEY": keys.secret_key,
        "TENCENTCLOUD_SESSIONTOKEN": keys.token or "",
    }
