"""What more than one key of serverless.yml has to do with: a checked form in, the places that do not fit out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from deployer.declaration import limits
from deployer.declaration.build import cos_rules, environment, timer_names
from deployer.declaration.schema import Bucket, Document, FunctionPart, Observability, Permission
from deployer.declaration.stage import Stage


def problems(document: Document, stage: Stage, name: str, project: Path) -> Iterator[str]:
    """Every fault, with its place in serverless.yml. `name` is the stage's."""
    yield from _names(document, name)
    for key, part in document.functions.items():
        yield from _function(f"functions.{key}", part, document, project)
        yield from _environment(key, document, stage, name)
        yield from _events(f"functions.{key}.events", part, document)
    yield from _cos_rules(document)
    for key, layer in document.layers.items():
        if not _inside(project, layer.path).is_dir():
            yield f"layers.{key}.path: there is no such folder in the project"
    yield from _resources(document, stage, project)


def _names(document: Document, stage: str) -> Iterator[str]:
    prefix = f"{document.service}-{stage}"
    if len(prefix) > limits.NAMESPACE_LENGTH:
        yield _long("service", f"{prefix}, the namespace's name,", limits.NAMESPACE_LENGTH)
    if document.resources.cluster and prefix != prefix.lower():
        yield f"service: {prefix} begins names in the cluster, which have small letters only"
    for function in document.functions:
        if len(prefix) + len(function) > limits.NAMESPACE_AND_FUNCTION_LENGTH:
            yield _long(f"functions.{function}", f"{prefix} and the name", limits.NAMESPACE_AND_FUNCTION_LENGTH)
    suffixes: list[tuple[str, Iterable[str], int]] = [
        ("layers", document.layers, limits.LAYER_NAME_LENGTH),
        ("functions", document.functions, limits.ROLE_NAME_LENGTH),  # each has a role of its own
        ("resources.roles", document.resources.roles, limits.ROLE_NAME_LENGTH),
        ("resources.secrets", document.resources.secrets, limits.SECRET_NAME_LENGTH),
    ]
    for place, keys, longest in suffixes:
        for key in keys:
            if len(f"{prefix}-{key}") > longest:
                yield _long(f"{place}.{key}", f"{prefix}-{key}", longest)
    for key in document.resources.roles:
        if key in document.functions:
            yield f"resources.roles.{key}: the function {key} has a role of that name already"


def _long(place: str, what: str, longest: int) -> str:
    return f"{place}: {what} is longer than the platform's {longest} characters"


def _function(place: str, part: FunctionPart, document: Document, project: Path) -> Iterator[str]:
    module = part.handler.split(".")[0]
    if not (_inside(project, part.path) / f"{module}.py").is_file():
        yield f"{place}.handler: there is no {module}.py in the function's path"
    for kind, names, known in (
        ("layer", part.layers, set(document.layers)),
        ("secret", part.secrets, set(document.resources.secrets)),
    ):
        for key in names:
            if key not in known:
                yield f"{place}.{kind}s: there is no {kind} {key!r}{_there_is(known)}"
        if len(set(names)) < len(names):
            yield f"{place}.{kind}s: one is named twice"
    if part.secrets and not document.provider.secrets_variable:
        yield f"{place}.secrets: provider.secretsVariable, which would tell them to the function, is missing"
    yield from _permissions(f"{place}.permissions", part.permissions, document)


def _environment(name: str, document: Document, stage: Stage, stage_name: str) -> Iterator[str]:
    place, part = f"functions.{name}.environment", document.functions[name]
    variables, secrets = environment(document, stage, name), document.resources.secrets
    settings = [setting for key in part.secrets for setting in secrets.get(key, [])]
    for setting in settings:
        if setting in variables:
            yield f"{place}: {setting} is a secret's setting, and must not be in the environment too"
    if len(set(settings)) < len(settings):
        yield f"functions.{name}.secrets: two of them have the same setting"
    variable = document.provider.secrets_variable
    if variable and variable in variables:
        yield f"{place}: {variable} is what provider.secretsVariable is called"
    if variable and part.secrets:
        # The version is only known after it is made: the longest that there can be.
        references = [
            f"{document.service}-{stage_name}-{key}#{'v' * limits.SECRET_VERSION_LENGTH}" for key in part.secrets
        ]
        variables = {**variables, variable: ",".join(references)}
    if problem := limits.environment_problem(variables):
        yield f"{place}: {problem}"


def _permissions(place: str, permissions: list[Permission], document: Document) -> Iterator[str]:
    known = {"cos": set(document.resources.buckets), "role": set(document.resources.roles)}
    for index, permission in enumerate(permissions):
        for resource in permission.resources:
            kind, _, rest = resource.partition(":")
            key = rest.split("/", 1)[0]
            if kind in known and key not in known[kind]:
                thing = {"cos": "bucket", "role": "role"}[kind]
                yield f"{place}[{index}].resources: there is no {thing} {key!r}{_there_is(known[kind])}"


def _events(place: str, part: FunctionPart, document: Document) -> Iterator[str]:
    kinds: list[str] = []
    buckets = {bucket.name for bucket in document.resources.buckets.values()}
    for index, event in enumerate(part.events):
        given = [kind for kind in ("http", "cos", "ckafka", "timer") if getattr(event, kind) is not None]
        if len(given) != 1:
            yield f"{place}[{index}]: one of http, cos, ckafka, timer with its settings is wanted"
        kinds += given
        if event.ckafka and event.ckafka.topic not in document.resources.topics:
            yield f"{place}[{index}].ckafka.topic: it is none of resources.topics"
        if event.cos and event.cos.bucket not in buckets:
            yield f"{place}[{index}].cos.bucket: it is the name of none of resources.buckets"
    if kinds.count("http") > 1:
        yield f"{place}: a function has one Function URL"
    for kind in sorted(set(kinds)):
        if kinds.count(kind) > limits.TRIGGERS_PER_TYPE:
            yield f"{place}: more than {limits.TRIGGERS_PER_TYPE} triggers of type {kind}"
    if len(set(timer_names(part))) < len(timer_names(part)):
        yield f"{place}: two timers have the same name"


def _cos_rules(document: Document) -> Iterator[str]:
    rules = [(name, rule) for name, part in document.functions.items() for rule in cos_rules(part)]
    for index, (name, rule) in enumerate(rules):
        for other_name, other in rules[:index]:
            if rule.overlaps(other):
                yield f"functions.{name}.events: COS rules of {other_name} and {name} overlap on {rule.bucket}"
    for bucket in sorted({rule.bucket for _, rule in rules}):
        if sum(rule.bucket == bucket for _, rule in rules) > limits.RULES_PER_BUCKET:
            yield f"functions: more than {limits.RULES_PER_BUCKET} COS rules on {bucket}"


def _resources(document: Document, stage: Stage, project: Path) -> Iterator[str]:
    resources = document.resources
    yield from _buckets(resources.buckets, stage)
    for key, role in resources.roles.items():
        yield from _permissions(f"resources.roles.{key}.permissions", role.permissions, document)
    if resources.packages and resources.packages.bucket not in resources.buckets:
        yield f"resources.packages.bucket: there is no such bucket{_there_is(resources.buckets)}"
    if resources.migrations and resources.migrations.function not in document.functions:
        yield f"resources.migrations.function: there is no such function{_there_is(document.functions)}"
    if resources.migrations and not _inside(project, resources.migrations.path).is_dir():
        yield "resources.migrations.path: there is no such folder in the project"
    if resources.observability:
        yield from _observability(resources.observability, resources.logs is not None, project)
    if resources.cluster and not _inside(project, resources.cluster.manifests).is_dir():
        yield "resources.cluster.manifests: there is no such folder in the project"


def _observability(part: Observability, logs: bool, project: Path) -> Iterator[str]:
    if not logs:
        yield "resources.observability: it is about the functions' logs, and resources.logs is missing"
    for key, path in (("alarms", part.alarms), ("dashboard", part.dashboard)):
        if path and not _inside(project, path).is_file():
            yield f"resources.observability.{key}: there is no such file in the project"


def _buckets(buckets: Mapping[str, Bucket], stage: Stage) -> Iterator[str]:
    for key, bucket in buckets.items():
        place = f"resources.buckets.{key}"
        if not bucket.name.endswith(f"-{stage.account.app_id}"):
            yield f"{place}.name: it must end with -<appId>, the account's"
        if len(f"{bucket.name}.cos.{stage.region}.myqcloud.com") > limits.BUCKET_HOST_LENGTH:
            yield _long(f"{place}.name", f"<name>.cos.{stage.region}.myqcloud.com", limits.BUCKET_HOST_LENGTH)
        prefixes = [rule.prefix for rule in bucket.lifecycle]
        if len(set(prefixes)) < len(prefixes):
            yield f"{place}.lifecycle: two rules have the same prefix"
    if len({bucket.name for bucket in buckets.values()}) < len(buckets):
        yield "resources.buckets: two have the same name"


def _there_is(names: Iterable[str]) -> str:
    known = ", ".join(sorted(names))
    return f" (there is: {known})" if known else ""


def _inside(project: Path, path: str) -> Path:
    """The path in the project; one that leads out of it is as good as none."""
    full = (project / path).resolve()
    return full if full.is_relative_to(project.resolve()) else project / "(outside of the project)"
