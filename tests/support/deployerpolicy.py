"""The CAM policy of whoever deploys, made from the requests of a stage's life: `python -m tests.support.deployerpolicy`
writes it into docs/deploy.md.

In: actions and the resources that CAM was asked about. Out: a policy document with placeholders for what differs from
account to account; resources as narrow as their names are known before there is anything.
"""

from __future__ import annotations

import json
import re
import tempfile
import textwrap
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from emulator.platform import APP_ID, CLUSTER, KAFKA_INSTANCE, REGION, UIN
from tests.support.cloudlet import OWNER
from tests.support.deploydocs import DEPLOY
from tests.support.deployed import Seen
from tests.support.deployerlife import life, newborn

Asked = tuple[str, str]
"""An action like cam:GetRole and a resource in six parts, or "*"."""
Document = dict[str, Any]

BLOCK = re.compile(r"(?<=<!-- deployer policy -->\n).*(?=<!-- /deployer policy -->)", re.DOTALL)
# Of a resource, what is only known when it is there, or what every later change would add to.
_OPEN = (
    (r"/function/.*", "/function/*"),
    (r":layer/patchmill-local-.*", ":layer/patchmill-local-*"),
    (r":roleName/patchmill-local-.*", ":roleName/patchmill-local-*"),
    (r":policyid/.*", ":policyid/*"),
    (r"creatorUin/\d+/patchmill-local-.*", "creatorUin/*/patchmill-local-*"),
    (r":(logset|topic)/.*", r":\1/*"),
    (r"/packages/.*", "/packages/*"),
    (r"(:pm-local-\w+-\d+/)(?!packages/).*", r"\1*"),
)
PLACEHOLDERS = {
    "REGION": REGION,
    "UIN": UIN,
    "APPID": APP_ID,
    "CKAFKA_ID": KAFKA_INSTANCE,
    "CLUSTER_ID": CLUSTER,
    "patchmill-STAGE": "patchmill-local",
    "pm-STAGE": "pm-local",
}
_ROLES = f"qcs::cam::uin/{UIN}:roleName/patchmill-local-x"
_BUCKETS = [f"qcs::cos:{REGION}:uid/{APP_ID}:pm-local-{name}-{APP_ID}/" for name in ("code", "logs")]
NOT_JUDGED: dict[Asked, str] = {
    ("cam:PassRole", _ROLES): "asked for by the platform when a function gets a role",
    **{("name/cos:PutBucketACL", bucket): "sent when somebody has opened a bucket" for bucket in _BUCKETS},
    **{("name/cos:GetBucketObjectVersions", bucket): "for a bucket with versions" for bucket in _BUCKETS},
}
"""What the emulator never asks for, and why it is needed all the same."""
WIDTH = 112


def asked(seen: Seen) -> list[Asked]:
    """In the order of each service."""
    api = [(f"{each.service}:{each.action}", each.resource) for each in seen.api]
    return [*api, *((each.action, each.resource) for each in seen.cos)]


def refused(seen: Seen) -> list[Asked]:
    """What CAM has refused."""
    api = [
        (f"{each.service}:{each.action}", each.resource) for each in seen.api if each.code == "UnauthorizedOperation"
    ]
    return [*api, *((each.action, each.resource) for each in seen.cos if not each.allowed)]


def policy(needs: Iterable[Asked]) -> Document:
    """With placeholders. Actions on the same resources share a statement."""
    resources: dict[str, set[str]] = defaultdict(set)
    for action, resource in needs:
        resources[action].add(_narrow(resource))
    actions: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for action, found in resources.items():
        actions[tuple(sorted(found))].append(action)
    statements = [
        {"effect": "allow", "action": sorted(names), "resource": list(found)}
        for found, names in sorted(actions.items())
    ]
    return {"version": "2.0", "statement": statements}


def filled(document: Document) -> Document:
    """For the emulated account and the stage `local`."""
    text = json.dumps(document)
    for name, value in PLACEHOLDERS.items():
        text = text.replace(name, value)
    found: Document = json.loads(text)
    return found


def block(document: Document) -> str:
    """What stands in docs/deploy.md."""
    statements = ",\n".join(_statement(each) for each in document["statement"])
    unjudged = "\n".join(
        f"* `{action}`: {why}." for action, why in {action: why for (action, _), why in NOT_JUDGED.items()}.items()
    )
    return f"""```json
{{"version": "2.0", "statement": [
{statements}
]}}
```

`REGION`, `UIN` (the main account's), `APPID`, `CKAFKA_ID`, `CLUSTER_ID`: see the stage file. `STAGE` is its name.
The emulator shows for each action that a command is refused without it, except for these, which it does not ask for:

{unjudged}

Who may write policies and give them to roles can give himself more: keep these keys like those of an administrator. A
platform that refuses the tags of new resources wants `QcloudTAGFullAccess` too.
"""


def recorded() -> Document:
    """The policy of a life that is lived for it."""
    needs: list[Asked] = [*NOT_JUDGED]
    with tempfile.TemporaryDirectory(prefix="pm-policy-") as folder, newborn(Path(folder)) as stage:
        for step in life():
            step.before(stage)
            with stage.watched() as seen:
                stage.run(*step.argv)
            needs += asked(seen.by(OWNER.secret_id))
    return policy(needs)


def documented() -> Document:
    """The policy that docs/deploy.md gives."""
    found = BLOCK.search(DEPLOY.read_text("utf-8"))
    assert found, "docs/deploy.md has no place for the policy"
    document: Document = json.loads(found[0].partition("```json\n")[2].partition("```")[0])
    return document


def main() -> None:
    text, count = BLOCK.subn(lambda _: block(recorded()), DEPLOY.read_text("utf-8"))
    assert count == 1, "docs/deploy.md has no place for the policy"
    DEPLOY.write_text(text, "utf-8")


def _narrow(resource: str) -> str:
    for pattern, instead in _OPEN:
        resource = re.sub(pattern, instead, resource)
    for name, value in PLACEHOLDERS.items():
        resource = resource.replace(value, name)
    return resource


def _statement(statement: Document) -> str:
    return f'  {{"effect": "allow",\n{_list("action", statement)},\n{_list("resource", statement)}}}'


def _list(name: str, statement: Document) -> str:
    items = ", ".join(json.dumps(each) for each in statement[name])
    return textwrap.fill(
        f'"{name}": [{items}]',
        WIDTH,
        initial_indent="   ",
        subsequent_indent="     ",
        break_long_words=False,
        break_on_hyphens=False,
    )


if __name__ == "__main__":
    main()
