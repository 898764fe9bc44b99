"""The database migrations: the declared function's new code is called once before it gets traffic.

In: the migrations' files, the secrets' versions, and what the alias $DEFAULT of that function tells of the last run.
Out: an applied schema and the new record (`migrations=<last id> secrets=<versions>`) in the alias's description.
"""

from __future__ import annotations

import json

from deployer.context import Context, DeployError
from deployer.kinds._scf import LATEST, scf
from deployer.kinds.release import point, traffic
from deployer.model import Change, Resource, Step

FILES = (".sql", ".py")


class MigrationsKind:
    """Nothing in the cloud of its own; harmless to repeat."""

    kind = "migrations"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._scf = scf(context)

    def resources(self) -> list[Resource]:
        migrations = self._context.declaration.migrations
        return [Resource(self.kind, migrations.function, migrations)] if migrations else []

    def compare(self, resource: Resource) -> Step | None:
        alias = self._scf.alias(resource.name)
        before, after = str(alias.get("Description") or "") if alias else "", self._record(resource)
        return None if before == after else Step("run", resource, (Change("record", before, after),))

    def orphans(self) -> list[Resource]:
        return []

    def apply(self, step: Step) -> None:
        """Raises DeployError with the function's own words when it fails; the traffic is then where it was."""
        name = step.resource.name
        self._scf.settle(name)
        answer = self._scf.call(
            "Invoke",
            FunctionName=name,
            Qualifier=LATEST,
            InvocationType="RequestResponse",
            LogType="Tail",
            ClientContext=json.dumps(step.resource.want.event),
        )
        result = answer.get("Result") or {}
        applied = _applied(str(result.get("RetMsg") or ""))
        if result.get("ErrMsg") or applied is None:
            problem = result.get("ErrMsg") or f'it did not answer {{"applied": […]}} but {result.get("RetMsg")!r:.200}'
            told = f"The migrations failed in {name}, no traffic was moved: {problem}\n{result.get('Log') or ''}"
            raise DeployError(self._without_secrets(told).rstrip())
        self._context.progress(f"migrations: {', '.join(applied) or 'nothing to apply'}")
        alias = self._scf.alias(name) or {}
        point(self._context, name, traffic(alias), self._record(step.resource))

    def delete(self, resource: Resource) -> None:
        """Nothing: the schema belongs to the data."""

    def _without_secrets(self, text: str) -> str:
        for value in sorted(self._context.declaration.secret_values.values(), key=len, reverse=True):
            text = text.replace(value, "(secret)")
        return text

    def _record(self, resource: Resource) -> str:
        files = (path for path in resource.want.path.iterdir() if path.suffix in FILES and ".rollback" not in path.name)
        last = max((path.stem for path in files if not path.stem.startswith("__")), default="none")
        function = self._context.declaration.functions[resource.name]
        versions = ",".join(self._context.facts.get(f"secret/{key}.version") for key in function.secrets)
        return f"migrations={last} secrets={versions or 'none'}"


def _applied(answer: str) -> list[str] | None:
    """Ids of the migrations that ran; None: this is no answer of a function that knows migrations."""
    try:
        found = json.loads(answer)
    except ValueError:
        return None
    applied = found.get("applied") if isinstance(found, dict) else None
    return [str(each) for each in applied] if isinstance(applied, list) else None
