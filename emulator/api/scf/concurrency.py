"""Settings of a whole function: reserved concurrency, how asynchronous events are tried again; what the account has."""

from __future__ import annotations

from dataclasses import replace

from emulator.api.action import Action, ApiError, Call, Params
from emulator.api.scf.lookup import need_function, of_function
from emulator.scf import limits
from emulator.scf.platform import Platform


def actions(platform: Platform) -> dict[str, Action]:
    own, resource = _Settings(platform), of_function(platform)
    return {
        "PutReservedConcurrencyConfig": Action(own.put_reserved, resource),
        "GetReservedConcurrencyConfig": Action(own.get_reserved, resource),
        "DeleteReservedConcurrencyConfig": Action(own.delete_reserved, resource),
        "UpdateFunctionEventInvokeConfig": Action(own.update_asynchronous, resource),
        "GetFunctionEventInvokeConfig": Action(own.get_asynchronous, resource),
        "GetAccount": Action(own.get_account),
    }


class _Settings:
    def __init__(self, platform: Platform) -> None:
        self._platform, self._registry = platform, platform.registry

    async def put_reserved(self, call: Call, params: Params) -> Params:
        function, memory = need_function(self._platform, params), params["ReservedConcurrencyMem"]
        key = (function.namespace, function.name)
        others = sum(one.reserved_mb or 0 for one in self._registry.functions() if (one.namespace, one.name) != key)
        most = limits.REGION_CONCURRENCY_MB - limits.SHARED_CONCURRENCY_MB
        if memory < 0 or others + memory > most:
            text = f"All functions together can reserve {most} MB; {others} MB are reserved."
            raise ApiError("FailedOperation.ReservedExceedTotal", text)
        self._registry.put(replace(function, reserved_mb=memory))
        return {}

    async def get_reserved(self, call: Call, params: Params) -> Params:
        return {"ReservedMem": need_function(self._platform, params).reserved_mb}

    async def delete_reserved(self, call: Call, params: Params) -> Params:
        self._registry.put(replace(need_function(self._platform, params), reserved_mb=None))
        return {}

    async def update_asynchronous(self, call: Call, params: Params) -> Params:
        function, config = need_function(self._platform, params), params["AsyncTriggerConfig"]
        retries = config.get("RetryConfig") or []
        if len(retries) != 1:
            raise ApiError("InvalidParameterValue.AsyncTriggerConfig", "RetryConfig has one element.")
        given = {"RetryNum": retries[0]["RetryNum"], "MsgTTL": config["MsgTTL"]}
        for key, (least, most) in limits.ASYNC_CONFIG.items():
            if not least <= given[key] <= most:
                raise ApiError(f"LimitExceeded.{key}", f"{key} is {least} to {most}.")
        self._registry.put(replace(function, retries=given["RetryNum"], max_age_s=given["MsgTTL"]))
        return {}

    async def get_asynchronous(self, call: Call, params: Params) -> Params:
        function = need_function(self._platform, params)
        config = {"RetryConfig": [{"RetryNum": function.retries}], "MsgTTL": function.max_age_s}
        return {"AsyncTriggerConfig": config}

    async def get_account(self, call: Call, params: Params) -> Params:
        namespaces = [one.name for one in self._registry.namespaces()]
        functions = list(self._registry.functions())
        usage = []
        for name in namespaces:
            own = [one for one in functions if one.namespace == name]
            usage.append(
                {
                    "Namespace": name,
                    "Functions": [one.name for one in own],
                    "FunctionsCount": len(own),
                    "TotalConcurrencyMem": limits.REGION_CONCURRENCY_MB,
                    "TotalAllocatedConcurrencyMem": sum(one.reserved_mb or 0 for one in own),
                    "TotalAllocatedProvisionedMem": 0,
                }
            )
        return {
            "AccountUsage": {
                "NamespacesCount": len(namespaces),
                "Namespace": usage,
                "TotalConcurrencyMem": limits.REGION_CONCURRENCY_MB,
                "TotalAllocatedConcurrencyMem": sum(one.reserved_mb or 0 for one in functions),
                "UserConcurrencyMemLimit": limits.REGION_CONCURRENCY_MB,
            },
            "AccountLimit": {"NamespacesCount": limits.NAMESPACES, "Namespace": [_limit(name) for name in namespaces]},
        }


def _limit(namespace: str) -> Params:
    each = limits.TRIGGERS_PER_TYPE
    least, most = limits.ASYNC_CONFIG["MsgTTL"]
    return {
        "Namespace": namespace,
        "FunctionsCount": limits.FUNCTIONS_PER_NAMESPACE,
        "Trigger": {"Cos": each, "Timer": each, "Ckafka": each, "Total": each * 4},
        "TimeoutLimit": limits.TIMEOUT_S[1],
        "InitTimeoutLimit": limits.TIMEOUT_S[1],
        "RetryNumLimit": limits.ASYNC_CONFIG["RetryNum"][1],
        "MinMsgTTL": least,
        "MaxMsgTTL": most,
    }
