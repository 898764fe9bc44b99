"""What a deployment to this machine is told (`deploy.env`), and the environment a person's shell gets (`env`).

Everything that differs between the cloud and this machine is here and nowhere else: the deployer reads it as the
stage `local`, and the functions only see settings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.credentials import Credential
from emulator.services import mariadb
from emulator.settings import Settings, SettingsError

SOCKETS_INSIDE = "/run/services"  # where an instance sees the folder of the engines' sockets
DATABASE = "patchmill"
TENANT = "dev"
MODEL_NAMES = {
    "PATCHMILL_MODEL_API_KEY": "OPENAI_API_KEY",
    "PATCHMILL_MODEL_BASE_URL": "OPENAI_BASE_URL",
    "PATCHMILL_MODEL_NAME": "PATCHMILL_MODEL_NAME",
}


@dataclass(frozen=True)
class Places:
    """Where the parts of this emulator answer, all on 127.0.0.1."""

    api_port: int
    cos_port: int
    kube_port: int
    kafka: str
    """bootstrap address"""

    @property
    def kube_server(self) -> str:
        return f"https://127.0.0.1:{self.kube_port}"


def deployment_values(
    settings: Settings, places: Places, owner: Credential, api_key: str, package_target: str
) -> dict[str, str]:
    """What `deploy.env` says: addresses, the owner's keys, and the secrets of the stage. `--set` wins."""
    environ = settings.environ
    values = {
        "TENCENTCLOUD_SECRET_ID": owner.secret_id,
        "TENCENTCLOUD_SECRET_KEY": owner.secret_key,
        "PATCHMILL_API_ENDPOINT": f"127.0.0.1:{places.api_port}",
        "PATCHMILL_COS_ENDPOINT": f"127.0.0.1:{places.cos_port}/{{bucket}}",
        "PATCHMILL_KAFKA_BOOTSTRAP": places.kafka,
        "PATCHMILL_KAFKA_PASSWORD": "",
        "PATCHMILL_OTLP_HEADERS": environ.get("PATCHMILL_OTLP_HEADERS", ""),
        "PATCHMILL_MYSQL_URL": mariadb.url(f"{SOCKETS_INSIDE}/mysql.sock", DATABASE),
        "PATCHMILL_REDIS_URL": f"unix://{SOCKETS_INSIDE}/redis.sock",
        "PATCHMILL_API_KEYS": api_keys(api_key, environ.get("PATCHMILL_EXTRA_API_KEYS", "")),
        "PATCHMILL_GIT_SCHEMES": "https,http",
        "PATCHMILL_SWEEP_CRON": settings.sweep_cron,
        "PATCHMILL_REQUEUE_AFTER_S": "5",
    }
    if package_target:
        values["PATCHMILL_PACKAGE_TARGET"] = package_target
    values |= {ours: environ.get(theirs) or environ.get(ours, "") for ours, theirs in MODEL_NAMES.items()}
    return {**values, **settings.variables}


def api_keys(own: str, extra: str) -> str:
    """PATCHMILL_API_KEYS: the person's own key (tenant dev, admin) and `extra`, written tenant=key,tenant=key."""
    keys = [{"sha256": hashlib.sha256(own.encode()).hexdigest(), "tenant": TENANT, "admin": True}]
    for number, pair in enumerate(filter(None, extra.split(",")), 1):
        tenant, separator, key = pair.strip().partition("=")
        if not (separator and tenant and key):
            raise SettingsError(f"PATCHMILL_EXTRA_API_KEYS: entry {number} is not tenant=key")
        keys.append({"sha256": hashlib.sha256(key.encode()).hexdigest(), "tenant": tenant, "admin": False})
    return json.dumps(keys, separators=(",", ":"))


def kafka_of_caller(environ: Mapping[str, str]) -> str | None:
    """The caller's own broker, KAFKA_BOOTSTRAP; not one that `.local/env` of an earlier run has put there."""
    address = environ.get("KAFKA_BOOTSTRAP", "")
    return None if not address or address == environ.get("PATCHMILL_EMULATOR_BROKER") else address


def shell_values(
    places: Places, url: str, api_key: str, root: Path, user: Credential, region: str, app_id: str, sockets: Path
) -> dict[str, str]:
    """What `.local/env` exports."""
    return {
        "PATCHMILL_URL": url,
        "PATCHMILL_API_KEY": api_key,
        "KUBECONFIG": str(root / "kubeconfig"),
        "COS_ENDPOINT": f"http://127.0.0.1:{places.cos_port}",
        "COS_REGION": region,
        "COS_SECRET_ID": user.secret_id,
        "COS_SECRET_KEY": user.secret_key,
        "COS_CODE_BUCKET": f"pm-local-code-{app_id}",
        "COS_LOGS_BUCKET": f"pm-local-logs-{app_id}",
        "KAFKA_BOOTSTRAP": places.kafka,
        "PATCHMILL_EMULATOR_BROKER": places.kafka,
        "MYSQL_SOCKET": str(sockets / "mysql.sock"),
        "REDIS_SOCKET": str(sockets / "redis.sock"),
    }
