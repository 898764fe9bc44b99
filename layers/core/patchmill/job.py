"""The Kubernetes side of one attempt: a task and its presigned URLs in, a Secret and a Job out. Pure.

    fetch ──▶ agent ──▶ deliver        two init containers and one container, each with only what it needs

Secrets are referenced one by one (secretKeyRef), so that no container holds another's. The pod gets no cloud
credential and no Kubernetes token.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from patchmill import keys, tracing
from patchmill.settings import MAX_ATTEMPT_S, Settings
from patchmill.task import Task

Obj = dict[str, Any]

APP = "app.kubernetes.io/name"
TRACE = "patchmill/traceparent"
LABEL_TASK, LABEL_ATTEMPT, LABEL_TENANT = "patchmill/task", "patchmill/attempt", "patchmill/tenant"
SELECTOR = f"{APP}=patchmill"
MAX_LOG_BYTES = 20 << 20
MAX_OUTPUT_BYTES = 50 << 20
MAX_PROCESSES = 256


@dataclass(frozen=True)
class Urls:
    """Presigned URLs of one attempt."""

    source: str | None
    code: str
    phases: Mapping[str, str]
    uploads: Mapping[str, str]


def lifetime_s(task: Task, settings: Settings) -> int:
    """Seconds from claim to the end of everything: what the Job, its URLs and our own deadline agree on."""
    wanted = settings.start_timeout_s + task.limits.timeout_s + settings.deliver_timeout_s
    return min(wanted, MAX_ATTEMPT_S)  # a task may be older than the settings that bound it now


def labels(task: Task) -> dict[str, str]:
    return {
        APP: "patchmill",
        LABEL_TASK: task.id.lower(),
        LABEL_ATTEMPT: str(task.attempt),
        LABEL_TENANT: task.tenant,
    }


def secret(task: Task, urls: Urls, settings: Settings) -> Obj:
    """What the containers get by reference. Owned by the Job once that exists, so it goes when the Job goes."""
    phases = urls.phases
    data = {
        "prompt": task.prompt,
        "code-url": urls.code,
        "fetch-phase-urls": json.dumps({p: phases[p] for p in ("DOWNLOADING_CODE", "RUNNING_AGENT")}),
        "deliver-phase-urls": json.dumps({"UPLOADING": phases["UPLOADING"]}),
        "uploads": json.dumps(dict(urls.uploads)),
    }
    if urls.source:
        data["source-url"] = urls.source
    if settings.model_api_key and _calls_model(task):
        data["model-api-key"] = settings.model_api_key
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(task, settings),
        "type": "Opaque",
        "stringData": data,
    }


def job(task: Task, urls: Urls, settings: Settings) -> Obj:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(task, settings),
        "spec": {
            "backoffLimit": 0,  # a second try is a new attempt with a new number, decided by us
            "activeDeadlineSeconds": lifetime_s(task, settings),
            "ttlSecondsAfterFinished": settings.job_ttl_s,
            "template": {"metadata": {"labels": labels(task)}, "spec": _pod(task, urls, settings)},
        },
    }


def _metadata(task: Task, settings: Settings) -> Obj:
    name = keys.job_name(task.id, task.attempt)
    return {
        "name": name,
        "namespace": settings.kube_namespace,
        "labels": labels(task),
        "annotations": {TRACE: tracing.for_stage(task, f"attempt {task.attempt}")},
    }


def _pod(task: Task, urls: Urls, settings: Settings) -> Obj:
    name = keys.job_name(task.id, task.attempt)
    return {
        **_placing(settings),
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "fsGroup": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": 10,
        "volumes": _volumes(settings),
        "initContainers": [
            _container(
                "fetch", "fetch", _fetch_env(task, urls, settings, name), {"code": False, "base": False}, settings
            ),
            _container("agent", "run", _agent_env(task, settings, name), {"code": False, "output": False}, settings),
        ],
        "containers": [
            _container(
                "deliver",
                "deliver",
                _deliver_env(task, settings, name),
                {"code": True, "output": True, "base": True},
                settings,
            )
        ],
    }


def _placing(settings: Settings) -> Obj:
    named = {"priorityClassName": settings.priority_class, "serviceAccountName": settings.service_account}
    return {field: name for field, name in named.items() if name}


def _volumes(settings: Settings) -> list[Obj]:
    workspace, scratch = f"{settings.workspace_mb}Mi", "512Mi"
    sizes = {"code": workspace, "output": workspace, "base": workspace}
    sizes |= {f"scratch-{name}": scratch for name in ("agent", "deliver")}
    # The ZIP, and beside it the archive that is made of what was in it.
    sizes["scratch-fetch"] = f"{((settings.max_zip_bytes + settings.max_unpacked_bytes) >> 20) + 64}Mi"
    return [{"name": name, "emptyDir": {"sizeLimit": size}} for name, size in sizes.items()]


def _container(name: str, command: str, env: list[Obj], volumes: dict[str, bool], settings: Settings) -> Obj:
    """`volumes` maps the shared volumes that this container sees to whether it sees them read-only."""
    agent = name == "agent"
    memory = f"{settings.agent_memory_mb if agent else 1024}Mi"
    disk = f"{settings.workspace_mb * 3 + 1024}Mi"
    mounts: list[Obj] = [{"name": v, "mountPath": f"/app/{v}", "readOnly": ro} for v, ro in volumes.items()]
    return {
        "name": name,
        "image": settings.agent_image,
        "command": ["python3", "-m", "patchmill_agent", command],
        "env": env,
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi", "ephemeral-storage": "256Mi"},
            "limits": {"cpu": settings.agent_cpu, "memory": memory, "ephemeral-storage": disk},
        },
        "volumeMounts": [*mounts, {"name": f"scratch-{name}", "mountPath": "/tmp"}],  # noqa: S108 the pod's own
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _common_env(task: Task, stage: str) -> list[Obj]:
    """TRACEPARENT is each container's own span: whatever it starts may go on below it."""
    return _plain(
        PATCHMILL_TASK_ID=task.id,
        PATCHMILL_ATTEMPT=str(task.attempt),
        PATCHMILL_TENANT=task.tenant,
        TRACEPARENT=tracing.for_stage(task, stage),
        HOME="/tmp",  # noqa: S108 the pod's own
    )


def _fetch_env(task: Task, urls: Urls, settings: Settings, name: str) -> list[Obj]:
    limits = {
        "max_zip_bytes": settings.max_zip_bytes,
        "max_unpacked_bytes": settings.max_unpacked_bytes,
        "max_files": settings.max_files,
        "timeout_s": min(600, settings.start_timeout_s),
    }
    zipped = task.source["kind"] != "git"
    source = {"kind": "zip"} if zipped else {"kind": "git", "url": task.source["url"], "ref": task.source.get("ref")}
    return [
        *_common_env(task, "fetch"),
        *_plain(
            PATCHMILL_SOURCE=json.dumps(source),
            PATCHMILL_GIT_SCHEMES=",".join(settings.git_schemes),
            PATCHMILL_LIMITS=json.dumps(limits),
        ),
        *([_secret("PATCHMILL_SOURCE_URL", name, "source-url")] if urls.source else []),
        _secret("PATCHMILL_CODE_URL", name, "code-url"),
        _secret("PATCHMILL_PHASE_URLS", name, "fetch-phase-urls"),
    ]


def _agent_env(task: Task, settings: Settings, name: str) -> list[Obj]:
    env = [
        *_common_env(task, "agent"),
        *_plain(
            PATCHMILL_AGENT=task.agent,
            PATCHMILL_MODEL=task.model or "",
            PATCHMILL_TIMEOUT_S=str(task.limits.timeout_s),
            PATCHMILL_STEP_LIMIT=str(task.limits.max_steps),
            PATCHMILL_MAX_PROCESSES=str(MAX_PROCESSES),
            PATCHMILL_MAX_LOG_BYTES=str(MAX_LOG_BYTES),
        ),
        _secret("PATCHMILL_PROMPT", name, "prompt"),
    ]
    if _calls_model(task):
        env += _plain(OPENAI_BASE_URL=settings.model_base_url) if settings.model_base_url else []
        env += [_secret("OPENAI_API_KEY", name, "model-api-key")] if settings.model_api_key else []
    return env


def _deliver_env(task: Task, settings: Settings, name: str) -> list[Obj]:
    limits = {
        "max_patch_bytes": settings.max_patch_bytes,
        "max_output_bytes": MAX_OUTPUT_BYTES,
        "max_log_bytes": MAX_LOG_BYTES,
    }
    return [
        *_common_env(task, "deliver"),
        *_plain(PATCHMILL_AGENT=task.agent, PATCHMILL_MODEL=task.model or "", PATCHMILL_LIMITS=json.dumps(limits)),
        _secret("PATCHMILL_UPLOADS", name, "uploads"),
        _secret("PATCHMILL_PHASE_URLS", name, "deliver-phase-urls"),
    ]


def _calls_model(task: Task) -> bool:
    return task.agent != "command" and not (task.model or "").startswith("scripted/")


def _plain(**values: str) -> list[Obj]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _secret(name: str, secret_name: str, key: str) -> Obj:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret_name, "key": key}}}
