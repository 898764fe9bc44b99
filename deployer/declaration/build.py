"""The checked document and stage in; the frozen dataclasses of the deployer out, with defaults and names filled in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deployer.declaration import model, schema
from deployer.declaration import stage as stages


def declaration(
    document: schema.Document, stage: stages.Stage, name: str, project: Path, environ: Mapping[str, str]
) -> model.Declaration:
    """All of it for the stage called `name`. Names that a part uses must have been checked."""
    resources = document.resources
    grants = Grants(document, stage, name)
    settings = {setting for names in resources.secrets.values() for setting in names}
    return model.Declaration(
        service=document.service,
        stage=name,
        region=stage.region,
        runtime=document.provider.runtime,
        project=project,
        provider=_provider(document, stage),
        account=model.Account(stage.account.app_id, stage.account.uin),
        endpoint=model.Endpoint(stage.endpoint.scheme, stage.endpoint.api, stage.endpoint.cos),
        kafka=_kafka(stage.kafka),
        cluster=_cluster(stage.cluster, resources, project),
        image=stage.image,
        layers={key: model.Layer(key, layer.path, layer.description) for key, layer in document.layers.items()},
        functions={key: _function(key, document, stage, grants) for key in document.functions},
        buckets={key: _bucket(key, bucket) for key, bucket in resources.buckets.items()},
        topics={key: model.Topic(key, part.partitions, part.retention_hours) for key, part in resources.topics.items()},
        secrets={key: model.Secret(key, tuple(names)) for key, names in resources.secrets.items()},
        roles={key: _role(key, role, grants) for key, role in resources.roles.items()},
        logs=model.Logs(resources.logs.retention_days) if resources.logs else None,
        migrations=_migrations(resources.migrations, project),
        observability=_observability(resources.observability, stage.alarms, project),
        packages=model.Packages(resources.packages.bucket, resources.packages.prefix) if resources.packages else None,
        secret_values={setting: environ[setting] for setting in sorted(settings) if environ.get(setting)},
        environ=environ,
    )


class Grants:
    """The short forms of a permission's resources, written out for one stage."""

    def __init__(self, document: schema.Document, stage: stages.Stage, name: str) -> None:
        self._document, self._stage, self._prefix = document, stage, f"{document.service}-{name}"

    def permission(self, part: schema.Permission) -> model.Permission:
        return model.Permission(tuple(part.actions), tuple(self._resource(resource) for resource in part.resources))

    def _resource(self, resource: str) -> str:
        """cloud.tencent.com/document/product/436/30580 for COS; the others have the six parts of every CAM resource."""
        account, region = self._stage.account, self._stage.region
        kind, _, rest = resource.partition(":")
        if kind == "cos":
            key, _, path = rest.partition("/")
            return f"qcs::cos:{region}:uid/{account.app_id}:{self._document.resources.buckets[key].name}/{path}"
        if kind == "role":
            return f"qcs::cam::uin/{account.uin}:roleName/{self._prefix}-{rest}"
        if resource == "cluster":
            return f"qcs::tke:{region}:uin/{account.uin}:cluster/{self._stage.cluster.id}"
        return resource


def environment(document: schema.Document, stage: stages.Stage, function: str) -> dict[str, str]:
    """A function's variables: the provider's, its own, the stage's, in rising order; what is empty is not set."""
    size = stage.functions.get(function, stages.FunctionSize())
    merged = {
        **document.provider.environment,
        **document.functions[function].environment,
        **stage.environment,
        **size.environment,
    }
    return {name: value for name, value in merged.items() if value}


def cos_rules(part: schema.FunctionPart) -> tuple[model.CosRule, ...]:
    """The COS triggers that are enabled."""
    return tuple(_rule(event.cos) for event in part.events if event.cos and event.cos.enable)


def timer_names(part: schema.FunctionPart) -> list[str]:
    """The name of each timer, in order; one without a name gets its number."""
    timers = [event.timer for event in part.events if event.timer]
    return [timer.name or f"timer-{number}" for number, timer in enumerate(timers, 1)]


def _provider(document: schema.Document, stage: stages.Stage) -> model.Provider:
    part = document.provider
    return model.Provider(
        memory_mb=part.memory_size,
        timeout_s=part.timeout,
        vpc=model.Vpc(part.vpc.vpc_id, part.vpc.subnet_id) if part.vpc else None,
        environment={name: value for name, value in {**part.environment, **stage.environment}.items() if value},
        secrets_variable=part.secrets_variable,
    )


def _kafka(part: stages.Kafka) -> model.Kafka:
    return model.Kafka(part.instance_id, part.bootstrap, part.username, part.replicas)


def _cluster(part: stages.Cluster, resources: schema.Resources, project: Path) -> model.Cluster:
    return model.Cluster(
        id=part.id,
        namespace=part.namespace,
        extranet=part.extranet,
        quota=model.Quota(part.quota.pods, part.quota.cpu, part.quota.memory) if part.quota else None,
        manifests=project / resources.cluster.manifests if resources.cluster else None,
    )


def _function(name: str, document: schema.Document, stage: stages.Stage, grants: Grants) -> model.Function:
    part, provider = document.functions[name], document.provider
    size = stage.functions.get(name, stages.FunctionSize())
    return model.Function(
        name=name,
        description=part.description,
        handler=part.handler,
        path=part.path,
        memory_mb=size.memory_size or part.memory_size or provider.memory_size,
        timeout_s=size.timeout or part.timeout or provider.timeout,
        layers=tuple(part.layers),
        secrets=tuple(part.secrets),
        environment=environment(document, stage, name),
        permissions=tuple(grants.permission(permission) for permission in part.permissions),
        concurrency=size.concurrency or part.concurrency,
        http=next((_http(event.http) for event in part.events if event.http), None),
        cos=cos_rules(part),
        ckafka=tuple(_ckafka(event.ckafka) for event in part.events if event.ckafka and event.ckafka.enable),
        timers=_timers(part),
        asynchronous=_asynchronous(part.asynchronous),
    )


def _http(part: schema.Http) -> model.Http:
    return model.Http(
        part.auth_type, part.enable_intranet, part.enable_extranet, _cors(part.cors) if part.cors else None
    )


def _cors(part: schema.Cors) -> model.Cors:
    return model.Cors(
        tuple(part.origins), tuple(part.methods), tuple(part.headers), tuple(part.expose_headers), part.max_age
    )


def _rule(part: schema.Cos) -> model.CosRule:
    events = (part.events,) if isinstance(part.events, str) else tuple(part.events)
    return model.CosRule(part.bucket, events, part.filter.prefix, part.filter.suffix)


def _ckafka(part: schema.Ckafka) -> model.Ckafka:
    return model.Ckafka(
        part.topic, part.max_msg_num, part.timeout, part.retry, str(part.offset), part.consumer_group_name
    )


def _timers(part: schema.FunctionPart) -> tuple[model.Timer, ...]:
    timers = zip(timer_names(part), [event.timer for event in part.events if event.timer], strict=True)
    return tuple(model.Timer(name, timer.cron_expression, timer.argument) for name, timer in timers if timer.enable)


def _asynchronous(part: schema.Asynchronous | None) -> model.Asynchronous | None:
    if not part:
        return None
    letter = part.dead_letter
    dead_letter = model.DeadLetter(letter.type, letter.name, letter.filter_type) if letter else None
    return model.Asynchronous(part.retries, part.max_age, dead_letter)


def _bucket(key: str, part: schema.Bucket) -> model.Bucket:
    lifecycle = tuple(model.LifecycleRule(rule.prefix, rule.days) for rule in part.lifecycle)
    return model.Bucket(key, part.name, lifecycle, tuple(_cors(rule) for rule in part.cors))


def _role(name: str, part: schema.Role, grants: Grants) -> model.Role:
    permissions = tuple(grants.permission(permission) for permission in part.permissions)
    return model.Role(name, part.description, part.session_hours * 3600, permissions)


def _migrations(part: schema.Migrations | None, project: Path) -> model.Migrations | None:
    return model.Migrations(part.function, dict(part.event), project / part.path) if part else None


def _observability(
    part: schema.Observability | None, alarms: stages.Alarms, project: Path
) -> model.Observability | None:
    if part is None:
        return None
    return model.Observability(
        alarms=project / part.alarms if part.alarms else None,
        dashboard=project / part.dashboard if part.dashboard else None,
        runbook=alarms.runbook or part.runbook,
        notices=(alarms.notice_id,) if alarms.notice_id else (),
        limits=dict(alarms.limits),
        gb_second=part.prices.gb_second,
        million_calls=part.prices.million_calls,
    )
