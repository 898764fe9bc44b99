"""The values of ${env:NAME} in serverless.yml on this machine, and the environment a person's shell gets.

Everything that differs between the cloud and this machine is here and nowhere else: the functions only see settings.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
    """Where the parts of this emulator answer."""

    cos_port: int
    kube_server: str
    kube_token: str
    kube_ca_pem: str
    kafka: str
    """bootstrap address"""


def function_variables(settings: Settings, places: Places, api_key: str) -> dict[str, str]:
    """What ${env:NAME} stands for: the caller's environment, then this machine's values, then --set."""
    environ = settings.environ
    values = {
        "PATCHMILL_MYSQL_URL": mariadb.url(f"{SOCKETS_INSIDE}/mysql.sock", DATABASE),
        "PATCHMILL_REDIS_URL": f"unix://{SOCKETS_INSIDE}/redis.sock",
        "PATCHMILL_KAFKA_BOOTSTRAP": places.kafka,
        "PATCHMILL_COS_DOMAIN": f"127.0.0.1:{places.cos_port}/{{bucket}}",
        "PATCHMILL_COS_SCHEME": "http",
        "PATCHMILL_KUBE_SERVER": places.kube_server,
        "PATCHMILL_KUBE_TOKEN": places.kube_token,
        "PATCHMILL_KUBE_CA_DATA": base64.b64encode(places.kube_ca_pem.encode()).decode(),
        "PATCHMILL_AGENT_IMAGE": "patchmill-agent:local",
        "PATCHMILL_API_KEYS": api_keys(api_key, environ.get("PATCHMILL_EXTRA_API_KEYS", "")),
        "PATCHMILL_GIT_SCHEMES": "https,http",
        "PATCHMILL_SWEEP_CRON": settings.sweep_cron,
        "PATCHMILL_REQUEUE_AFTER_S": "5",
    }
    values |= {ours: environ.get(theirs) or environ.get(ours, "") for ours, theirs in MODEL_NAMES.items()}
    return {**environ, **values, **settings.variables}


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
    places: Places, url: str, api_key: str, kubeconfig: Path, cos: Mapping[str, str], sockets: Path
) -> dict[str, str]:
    """What `.local/env` exports. `cos` holds the COS_* values of credentials, region and buckets."""
    return {
        "PATCHMILL_URL": url,
        "PATCHMILL_API_KEY": api_key,
        "KUBECONFIG": str(kubeconfig),
        "COS_ENDPOINT": f"http://127.0.0.1:{places.cos_port}",
        **cos,
        "KAFKA_BOOTSTRAP": places.kafka,
        "PATCHMILL_EMULATOR_BROKER": places.kafka,
        "MYSQL_SOCKET": str(sockets / "mysql.sock"),
        "REDIS_SOCKET": str(sockets / "redis.sock"),
    }
