"""Sample events (whole, as the platform sends them), settings and tasks for tests of the functions' code."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from patchmill import settings
from patchmill.settings import Settings
from patchmill.task import Limits, Phase, Status, Task

EVENTS = Path(__file__).resolve().parents[1] / "events"
TASK_ID = "01JDB0000000000000000000AA"
API_KEY, OTHER_KEY = "pm_test_key_of_acme", "pm_test_key_of_globex"


def load_event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def environment(**changes: str) -> dict[str, str]:
    """A complete environment of a function; nothing listens at these addresses unless a test puts its own in."""
    keys = [
        {"sha256": sha256(API_KEY), "tenant": "acme", "admin": True},
        {"sha256": sha256(OTHER_KEY), "tenant": "globex"},
    ]
    return {
        "PATCHMILL_MYSQL_URL": "mysql://root@127.0.0.1:1/patchmill",
        "PATCHMILL_REDIS_URL": "redis://127.0.0.1:1/0",
        "PATCHMILL_KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "PATCHMILL_COS_REGION": "ap-guangzhou",
        "PATCHMILL_COS_SCHEME": "http",
        "PATCHMILL_COS_DOMAIN": "127.0.0.1:1/{bucket}",
        "PATCHMILL_CODE_BUCKET": "patchmill-code-1250000000",
        "PATCHMILL_LOGS_BUCKET": "patchmill-logs-1250000000",
        "TENCENTCLOUD_SECRETID": "AKIDtest",
        "TENCENTCLOUD_SECRETKEY": "cloud-secret-canary",
        "TENCENTCLOUD_SESSIONTOKEN": "token-canary",
        "PATCHMILL_API_SCHEME": "http",
        "PATCHMILL_API_ENDPOINT": "127.0.0.1:1",
        "PATCHMILL_TKE_CLUSTER": "cls-local000",
        "PATCHMILL_PODS_ROLE": "qcs::cam::uin/100000000001:roleName/patchmill-local-pods",
        "PATCHMILL_AGENT_IMAGE": "patchmill-agent:local",
        "PATCHMILL_API_KEYS": json.dumps(keys),
        "PATCHMILL_MODEL_NAME": "scripted/demo",
        "PATCHMILL_GIT_SCHEMES": "https,http",
        **changes,
    }


def settings_with(**changes: str) -> Settings:
    return settings.read(environment(**changes))


def task(**changes: Any) -> Task:
    """A task in PROCESSING, with whatever a test wants to be different."""
    moment = datetime(2026, 11, 24, 12, 0, 0)
    sample = Task(
        id=TASK_ID,
        tenant="acme",
        status=Status.PROCESSING,
        phase=Phase.DISPATCHED,
        reason=None,
        message=None,
        agent="command",
        model=None,
        prompt="ruff check --fix .",
        source={"kind": "upload", "upload_id": "01JDB0000000000000000000BB"},
        limits=Limits(600, 50),
        labels={},
        drop=None,
        attempt=1,
        version=2,
        request_hash=None,
        result={},
        created_at=moment,
        updated_at=moment,
        started_at=None,
        finished_at=None,
    )
    return dataclasses.replace(sample, **changes)
