"""A project deployed to an emulated account by the real command line, and what the account saw of it from outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployer.cloud import Cloud, Keys
from deployer.cluster import KubeApi
from deployer.declaration.model import Endpoint
from emulator.api.server import Recorded
from emulator.credentials import Credential
from emulator.listen import LoopThread
from emulator.platform import REGION
from tests.support.cloudlet import OWNER, Asked, Cloudlet, cloudlet
from tests.support.zygote import Ended, Zygote

READS = ("Describe", "Get", "Head", "List", "Search")
CONFIRMED = ("apply", "destroy", "rollback")


@dataclass
class Seen:
    """What the account saw of one command, each list in its order. `cluster`: method and path."""

    api: list[Recorded]
    cos: list[Asked]
    cluster: list[str]

    def by(self, secret_id: str) -> Seen:
        """Only what this key has asked for; the cluster's requests tell no key."""
        api = [each for each in self.api if each.secret_id == secret_id]
        return Seen(api, [each for each in self.cos if each.secret_id == secret_id], self.cluster)

    def changing(self) -> list[str]:
        """The requests that change something, like scf:UpdateAlias, cos:PutObject or PATCH /api/v1/…"""
        api = [f"{each.service}:{each.action}" for each in self.api if not each.action.startswith(READS)]
        cos = [each.action.removeprefix("name/") for each in self.cos]
        changes = [each for each in cos if not each.removeprefix("cos:").startswith(READS)]
        return [*api, *changes, *(each for each in self.cluster if not each.startswith("GET "))]

    def params(self, action: str) -> list[dict[str, Any]]:
        return [each.params for each in self.api if each.action == action]


@dataclass
class Deployed:
    """`environ` is given to each command besides the account's own; `printed` is all that they have said."""

    account: Cloudlet
    zygote: Zygote
    project: Path
    environ: dict[str, str] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)

    def run(self, command: str, *arguments: str, code: int = 0, born: Callable[[int], None] | None = None) -> str:
        """What it prints. The test fails when it ends with another code. `born` is told its pid before it begins."""
        done = self.attempt(command, *arguments, born=born)
        assert done.code == code, done.output
        return done.output

    def attempt(self, command: str, *arguments: str, born: Callable[[int], None] | None = None) -> Ended:
        yes = ["--yes"] if command in CONFIRMED else []
        argv = [command, "--stage", "local", "--project", str(self.project), *yes, *arguments]
        done = self.zygote.run(argv, self.account.environ(**self.environ), born)
        self.printed.append(done.output)
        return done

    def data(self, command: str, *arguments: str) -> Any:
        """What it prints with --json: the progress comes before it."""
        output = "\n" + self.run(command, "--json", *arguments)
        begin = min(place for place in (output.find("\n{\n"), output.find("\n[\n")) if place >= 0)
        return json.loads(output[begin:])

    def plan(self, *arguments: str) -> list[str]:
        """Its steps, like "update function/web"."""
        return steps(self.data("plan", *arguments)["steps"])

    def apply(self, *arguments: str) -> list[str]:
        """The steps that it took; what it put out is in `outputs` then."""
        told = self.data("apply", *arguments)
        self.outputs = told["outputs"]
        return steps(told["applied"])

    @contextmanager
    def watched(self) -> Iterator[Seen]:
        """What the account sees meanwhile; known when the block ends."""
        account = self.account
        api, cos, names = len(account.recorded), len(account.asked), len(account.boundaries.names)
        seen = Seen([], [], [])
        yield seen
        seen.api += account.recorded[api:]
        seen.cos += account.asked[cos:]
        seen.cluster += [name for name in account.boundaries.names[names:] if "/api" in name]

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace the one `old` in a file of the project."""
        path = self.project / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new), "utf-8")

    def as_user(self, keys: Credential) -> None:
        """From now on the commands are this user's."""
        self.environ |= {"TENCENTCLOUD_SECRET_ID": keys.secret_id, "TENCENTCLOUD_SECRET_KEY": keys.secret_key}


def steps(found: list[Mapping[str, str]]) -> list[str]:
    return [f"{step['action']} {step['resource']}" for step in found]


def owners_cloud(account: Cloudlet) -> Cloud:
    """The account as its owner reaches it, without the deployer."""
    endpoint = Endpoint("http", f"127.0.0.1:{account.api_port}", f"127.0.0.1:{account.cos_port}/{{bucket}}")
    return Cloud(Keys(OWNER.secret_id, OWNER.secret_key), REGION, endpoint)


def owners_cluster(account: Cloudlet) -> KubeApi:
    return KubeApi(account.kubeconfig)


@contextmanager
def deployed(project: Path, **environ: str) -> Iterator[Deployed]:
    """With an account and a zygote of its own; nothing is deployed yet."""
    loop = LoopThread()
    try:
        with Zygote() as zygote, cloudlet(loop) as account:
            yield Deployed(account, zygote, project, dict(environ))
    finally:
        loop.close()
