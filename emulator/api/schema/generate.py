"""Make required.json out of the official CLI's definitions: which parameters of the served actions must be given.

The SDK's models name every parameter and its type, but not which of them are required; the definitions of the CLI
(package tccli, folder tccli/services) do. Run: python -m emulator.api.schema.generate <tccli/services>
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

# Service, version, actions. The stand-ins serve no others.
SERVED = """
scf 2018-04-16 CreateNamespace ListNamespaces UpdateNamespace DeleteNamespace
  CreateFunction GetFunction ListFunctions UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction
  PublishLayerVersion GetLayerVersion ListLayers ListLayerVersions DeleteLayerVersion
  PublishVersion ListVersionByFunction DeleteFunctionVersion CreateAlias GetAlias UpdateAlias ListAliases DeleteAlias
  CreateTrigger UpdateTrigger ListTriggers DeleteTrigger UpdateTriggerStatus
  PutReservedConcurrencyConfig GetReservedConcurrencyConfig DeleteReservedConcurrencyConfig
  UpdateFunctionEventInvokeConfig GetFunctionEventInvokeConfig
  Invoke InvokeFunction GetAccount GetFunctionAddress
cam 2019-01-16 GetUserAppId CreateRole GetRole DescribeRoleList DeleteRole UpdateAssumeRolePolicy UpdateRoleDescription
  UpdateRoleSessionDuration TagRole UntagRole CreatePolicy GetPolicy ListPolicies UpdatePolicy DeletePolicy
  AttachRolePolicy DetachRolePolicy ListAttachedRolePolicies ListEntitiesForPolicy
sts 2018-08-13 AssumeRole GetCallerIdentity
ssm 2019-09-23 CreateSecret DescribeSecret ListSecrets ListSecretVersionIds GetSecretValue PutSecretValue UpdateSecret
  UpdateDescription DeleteSecretVersion DeleteSecret RestoreSecret EnableSecret DisableSecret
tke 2018-05-25 DescribeClusters DescribeClusterStatus DescribeClusterKubeconfig DescribeClusterCommonNames
  DescribeClusterEndpoints DescribeClusterEndpointStatus
ckafka 2019-08-19 DescribeInstances DescribeInstancesDetail DescribeInstanceAttributes CreateTopic DescribeTopic
  DescribeTopicDetail DescribeTopicAttributes ModifyTopicAttributes CreatePartition DeleteTopic
cls 2020-10-16 CreateLogset DescribeLogsets ModifyLogset DeleteLogset
  CreateTopic DescribeTopics ModifyTopic DeleteTopic CreateIndex DescribeIndex ModifyIndex DeleteIndex SearchLog
  CreateAlarm DescribeAlarms ModifyAlarm DeleteAlarm
  CreateAlarmNotice DescribeAlarmNotices ModifyAlarmNotice DeleteAlarmNotice
  CreateDashboard DescribeDashboards ModifyDashboard DeleteDashboard
"""


def required(definitions: dict[str, Any], actions: list[str]) -> dict[str, list[str]]:
    """Names of the required members by object, for the actions' requests and all that they are made of."""
    objects, found = definitions["objects"], dict[str, list[str]]()
    waiting = [definitions["actions"][action]["input"] for action in actions]
    while waiting:
        name = waiting.pop()
        if name in found or name not in objects:
            continue
        members = objects[name]["members"]
        found[name] = sorted(member["name"] for member in members if member.get("required"))
        waiting += [member["member"] for member in members]
    return {name: members for name, members in sorted(found.items()) if members}


def main(services: Path) -> None:
    made: dict[str, Any] = {}
    for line in SERVED.replace("\n  ", " ").strip().splitlines():
        service, version, *actions = line.split()
        path = services / service / f"v{version.replace('-', '')}" / "api.json"
        definitions = json.loads(path.read_text(encoding="utf-8"))
        made[service] = {"version": version, "actions": sorted(actions), "required": required(definitions, actions)}
    parts = [f"{json.dumps(name)}: {json.dumps(part)}" for name, part in made.items()]
    text = "{\n" + ",\n".join(parts) + "\n}\n"
    Path(__file__).with_name("required.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
