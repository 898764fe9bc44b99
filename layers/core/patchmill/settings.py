"""The functions' settings: one frozen class, read once at cold start from the environment and the secrets it names.

Nothing else reads the environment, except for the role's keys, which change (patchmill.credentials).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from patchmill import keys, log
from patchmill.errors import SettingsError
from patchmill.task import CANARY_TENANT

MAX_SESSION_S = 12 * 3600
"""The longest that AssumeRole gives keys for (cloud.tencent.com/document/api/598/33164)."""
SESSION_MARGIN_S = 300
"""Keys are asked for so much longer than what they sign has to live: clocks differ, and the asking takes time."""
MAX_ATTEMPT_S = MAX_SESSION_S - SESSION_MARGIN_S

_HEADER_NAME, _HEADER_VALUE = r"[a-z0-9!#$%&'*+.^_`|~-]+", r"[!-~]+(?: +[!-~]+)*"


@dataclass(frozen=True)
class ApiKey:
    """One accepted key: only its SHA-256 is kept (keys are 32 random bytes, so no salt or stretching is needed)."""

    sha256: str
    tenant: str
    admin: bool = False


@dataclass(frozen=True, repr=False)
class Settings:
    """Everything that differs between two installations. No repr: it holds secrets."""

    mysql_url: str
    redis_url: str | None
    """None: no cache; status is read from MySQL."""
    kafka_bootstrap: tuple[str, ...]
    kafka_username: str | None
    kafka_password: str | None
    cos_region: str
    cos_scheme: str
    cos_domain: str | None
    """Template with {bucket}, for another endpoint than <bucket>.cos.<region>.myqcloud.com."""
    code_bucket: str
    logs_bucket: str
    pods_role: str | None
    """ARN of the role that signs what a pod gets; only dispatch needs it."""
    tke_cluster: str | None
    """The cluster's id, to ask TKE for access; None: `kubeconfig` is given."""
    kubeconfig: str | None
    kube_namespace: str
    priority_class: str | None
    """PriorityClass of the Jobs' pods; None: the cluster's default."""
    service_account: str | None
    """ServiceAccount of the Jobs' pods; None: the namespace's default. No token of it is mounted either way."""
    agent_image: str
    api_keys: tuple[ApiKey, ...]
    agents: tuple[str, ...]
    default_agent: str
    model_api_key: str | None
    model_base_url: str | None
    model_name: str | None
    git_schemes: tuple[str, ...]
    task_timeout_s: int
    """The agent's time when a task does not say; `max_timeout_s` is the most that it may say."""
    max_timeout_s: int
    max_steps: int
    start_timeout_s: int
    """From claim to the agent's start: queueing in the cluster, image pull, fetching the source."""
    deliver_timeout_s: int
    max_attempts: int
    requeue_after_s: int
    """A message that nobody took for so long is published again."""
    max_zip_bytes: int
    max_unpacked_bytes: int
    max_files: int
    max_patch_bytes: int
    workspace_mb: int
    """sizeLimit of /app/code and /app/output each, MiB."""
    agent_memory_mb: int
    agent_cpu: str
    job_ttl_s: int
    log_level: str
    otlp_endpoint: str | None
    """Base URL of a collector that takes OTLP over HTTP; None: no trace is sent anywhere."""
    otlp_headers: tuple[tuple[str, str], ...]
    """Secret: most collectors want a key in one of them."""

    def __post_init__(self) -> None:
        longest = self.start_timeout_s + max(self.task_timeout_s, self.max_timeout_s) + self.deliver_timeout_s
        if longest > MAX_ATTEMPT_S:
            raise SettingsError(
                "PATCHMILL_START_TIMEOUT_S, PATCHMILL_MAX_TIMEOUT_S (or PATCHMILL_TASK_TIMEOUT_S) and "
                f"PATCHMILL_DELIVER_TIMEOUT_S are {longest} s together; keys for a pod's URLs last {MAX_ATTEMPT_S} s"
            )
        if not (self.tke_cluster or self.kubeconfig):
            raise SettingsError("PATCHMILL_TKE_CLUSTER is not set, and neither is PATCHMILL_KUBECONFIG")

    @property
    def tenants(self) -> frozenset[str]:
        return frozenset(key.tenant for key in self.api_keys)


def read(env: Mapping[str, str], needs: Collection[str] = ()) -> Settings:
    """`needs`: optional settings that this function can't do without. Raises SettingsError for the first fault."""
    get = _Reader(env)
    for name in needs:
        get.text(name)
    return Settings(
        mysql_url=get.text("PATCHMILL_MYSQL_URL"),
        redis_url=get.optional("PATCHMILL_REDIS_URL"),
        kafka_bootstrap=get.words("PATCHMILL_KAFKA_BOOTSTRAP"),
        kafka_username=get.optional("PATCHMILL_KAFKA_USERNAME"),
        kafka_password=get.optional("PATCHMILL_KAFKA_PASSWORD"),
        cos_region=get.text("PATCHMILL_COS_REGION"),
        cos_scheme=get.text("PATCHMILL_COS_SCHEME", "https"),
        cos_domain=get.optional("PATCHMILL_COS_DOMAIN"),
        code_bucket=get.text("PATCHMILL_CODE_BUCKET"),
        logs_bucket=get.text("PATCHMILL_LOGS_BUCKET"),
        pods_role=get.optional("PATCHMILL_PODS_ROLE"),
        tke_cluster=get.optional("PATCHMILL_TKE_CLUSTER"),
        kubeconfig=get.optional("PATCHMILL_KUBECONFIG"),
        kube_namespace=get.text("PATCHMILL_KUBE_NAMESPACE", "patchmill"),
        priority_class=get.optional("PATCHMILL_PRIORITY_CLASS"),
        service_account=get.optional("PATCHMILL_SERVICE_ACCOUNT"),
        agent_image=get.text("PATCHMILL_AGENT_IMAGE"),
        api_keys=get.api_keys("PATCHMILL_API_KEYS"),
        agents=get.words("PATCHMILL_AGENTS", "mini,command"),
        default_agent=get.text("PATCHMILL_DEFAULT_AGENT", "mini"),
        model_api_key=get.optional("PATCHMILL_MODEL_API_KEY"),
        model_base_url=get.optional("PATCHMILL_MODEL_BASE_URL"),
        model_name=get.optional("PATCHMILL_MODEL_NAME"),
        git_schemes=get.words("PATCHMILL_GIT_SCHEMES", "https"),
        task_timeout_s=get.number("PATCHMILL_TASK_TIMEOUT_S", 1800),
        max_timeout_s=get.number("PATCHMILL_MAX_TIMEOUT_S", 6 * 3600),
        max_steps=get.number("PATCHMILL_MAX_STEPS", 100),
        start_timeout_s=get.number("PATCHMILL_START_TIMEOUT_S", 900),
        deliver_timeout_s=get.number("PATCHMILL_DELIVER_TIMEOUT_S", 300),
        max_attempts=get.number("PATCHMILL_MAX_ATTEMPTS", 3),
        requeue_after_s=get.number("PATCHMILL_REQUEUE_AFTER_S", 60),
        max_zip_bytes=get.number("PATCHMILL_MAX_ZIP_BYTES", 200 << 20),
        max_unpacked_bytes=get.number("PATCHMILL_MAX_UNPACKED_BYTES", 400 << 20),
        max_files=get.number("PATCHMILL_MAX_FILES", 50_000),
        max_patch_bytes=get.number("PATCHMILL_MAX_PATCH_BYTES", 50 << 20),
        workspace_mb=get.number("PATCHMILL_WORKSPACE_MB", 1000),
        agent_memory_mb=get.number("PATCHMILL_AGENT_MEMORY_MB", 2048),
        agent_cpu=get.text("PATCHMILL_AGENT_CPU", "1"),
        job_ttl_s=get.number("PATCHMILL_JOB_TTL_S", 3600),
        log_level=get.one_of("PATCHMILL_LOG_LEVEL", log.LEVELS, "info"),
        otlp_endpoint=get.url("PATCHMILL_OTLP_ENDPOINT"),
        otlp_headers=get.headers("PATCHMILL_OTLP_HEADERS"),
    )


class _Reader:
    """Typed look-ups. An empty value counts as unset: serverless.yml has no way to leave a variable out."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def optional(self, name: str) -> str | None:
        return self._env.get(name) or None

    def text(self, name: str, default: str | None = None) -> str:
        value = self.optional(name) or default
        if value is None:
            raise SettingsError(f"{name} is not set")
        return value

    def words(self, name: str, default: str | None = None) -> tuple[str, ...]:
        return tuple(word.strip() for word in self.text(name, default).split(",") if word.strip())

    def number(self, name: str, default: int) -> int:
        value = self.optional(name)
        try:
            number = int(value) if value else default
        except ValueError:
            raise SettingsError(f"{name} is no whole number") from None
        if number <= 0:
            raise SettingsError(f"{name} must be above zero")
        return number

    def one_of(self, name: str, words: Collection[str], default: str) -> str:
        value = self.text(name, default)
        if value not in words:
            raise SettingsError(f"{name} must be one of {', '.join(words)}")
        return value

    def url(self, name: str) -> str | None:
        value = self.optional(name)
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or parts.username or parts.password or parts.query or parts.fragment:
            raise SettingsError(f"{name} must be http(s)://host:port, with nothing secret in it")
        return value

    def headers(self, name: str) -> tuple[tuple[str, str], ...]:
        """name=value,name=value with percent-encoded values, as OpenTelemetry writes them."""
        found: dict[str, str] = {}
        for entry in (self.optional(name) or "").split(","):
            if not entry.strip():
                continue
            header, equals, value = entry.partition("=")
            header, value = header.strip().lower(), unquote(value.strip())
            # What the HTTP library would refuse, it would quote in its error.
            if not (equals and re.fullmatch(_HEADER_NAME, header) and re.fullmatch(_HEADER_VALUE, value)):
                raise SettingsError(f"{name} is not a list of name=value, with commas between")
            found[header] = value
        return tuple(found.items())

    def api_keys(self, name: str) -> tuple[ApiKey, ...]:
        try:
            entries: list[dict[str, Any]] = json.loads(self.text(name, "[]"))
            found = tuple(ApiKey(str(e["sha256"]), str(e["tenant"]), bool(e.get("admin"))) for e in entries)
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
            raise SettingsError(f'{name} is not a JSON list of {{"sha256", "tenant", "admin"}}') from None
        for key in found:
            if not re.fullmatch(r"[0-9a-f]{64}", key.sha256) or not re.fullmatch(keys.TENANT, key.tenant):
                raise SettingsError(f"{name}: a key needs a sha256 in hex and a tenant of a-z, 0-9 and (inside) -")
            if key.tenant == CANARY_TENANT:
                raise SettingsError(f"{name}: the tenant {CANARY_TENANT} is the canary's own")
        return found
