"""Read-only views on the raw SCF events, one small class each; nobody else indexes into an event. Pure.

Shapes: Function URL cloud.tencent.com/document/product/583/96099, API Gateway and timer .../583/31439 and .../583/9708,
COS .../583/9707, CKafka .../583/17530. Where sources differ in spelling, both are read.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

Raw = Mapping[str, Any]


def is_http(event: Raw) -> bool:
    return "httpMethod" in event


def is_cos(event: Raw) -> bool:
    return _first_record(event, "cos")


def is_ckafka(event: Raw) -> bool:
    return _first_record(event, "Ckafka") or _first_record(event, "ckafka")


def is_timer(event: Raw) -> bool:
    return event.get("Type") == "Timer"


def is_migrate(event: Raw) -> bool:
    """The deployer's own, by the Invoke API. Nothing from outside is just this: every trigger's event has keys of its
    own.
    """
    return event == {"patchmill": "migrate"}


def trigger(event: Raw) -> str:
    """What brought the event, in one word: for logs."""
    kinds = {"http": is_http, "cos": is_cos, "ckafka": is_ckafka, "timer": is_timer, "migrate": is_migrate}
    return next((name for name, fits in kinds.items() if fits(event)), "unknown")


def count(event: Raw) -> int:
    """Records in a batch; every other event is one."""
    records = event.get("Records")
    return len(records) if isinstance(records, list) else 1


def _first_record(event: Raw, name: str) -> bool:
    records = event.get("Records")
    return isinstance(records, list) and bool(records) and isinstance(records[0], Mapping) and name in records[0]


class HttpEvent:
    """A request through a Function URL, or through an API Gateway of old."""

    def __init__(self, event: Raw) -> None:
        self._event = event

    @property
    def method(self) -> str:
        return str(self._event["httpMethod"]).upper()

    @property
    def path(self) -> str:
        return str(self._event.get("path") or "/")

    @property
    def headers(self) -> dict[str, str]:
        """Lower-case names."""
        return {str(k).lower(): str(v) for k, v in (self._event.get("headers") or {}).items()}

    @property
    def query(self) -> list[tuple[str, str]]:
        """`queryString` (Function URL), or `queryStringParameters`; a value may be a list."""
        raw = self._event.get("queryString") or self._event.get("queryStringParameters") or {}
        pairs: list[tuple[str, str]] = []
        for name, value in raw.items():
            pairs += [(str(name), str(v)) for v in (value if isinstance(value, list) else [value])]
        return pairs

    @property
    def body(self) -> bytes:
        body = self._event.get("body") or ""
        if self._event.get("isBase64Encoded") is True:
            try:
                return base64.b64decode(body, validate=True)
            except (binascii.Error, ValueError):
                return b""
        return str(body).encode()

    @property
    def remote_addr(self) -> str:
        context = self._event.get("requestContext") or {}
        return str(self.headers.get("x-scf-remote-addr") or context.get("sourceIp") or "")


@dataclass(frozen=True)
class CosRecord:
    """One object that was made. `key` is without the /appid/bucket/ that the event puts before it."""

    bucket: str  # with -appid
    key: str
    event_name: str
    size: int
    meta: dict[str, str]


def cos_records(event: Raw) -> list[CosRecord]:
    """Every readable record; one that is not of the documented form is left out."""
    records = []
    for raw in event.get("Records", []):
        try:
            cos = raw["cos"]
            name, appid = str(cos["cosBucket"]["name"]), str(cos["cosBucket"]["appid"])
            # Third parties report percent-encoded keys; the vendor's page is silent. A key of ours never holds a %.
            key = unquote(str(cos["cosObject"]["key"])).removeprefix(f"/{appid}/{name}/").lstrip("/")
            records.append(
                CosRecord(
                    bucket=f"{name}-{appid}",
                    key=key,
                    event_name=str(raw.get("event", {}).get("eventName", "")),
                    size=int(cos["cosObject"].get("size") or 0),
                    meta={str(k).lower(): str(v) for k, v in (cos["cosObject"].get("meta") or {}).items()},
                )
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return records


@dataclass(frozen=True)
class CkafkaRecord:
    """One message, with where it stood: the dead-letter table is keyed by that."""

    topic: str
    partition: int
    offset: int
    key: str | None
    body: str


def ckafka_records(event: Raw) -> list[CkafkaRecord]:
    """All records; a part that is missing becomes "" or -1, so that the record can still be parked."""
    records = []
    for raw in event.get("Records", []):
        entry = raw if isinstance(raw, Mapping) else {}
        part = entry.get("Ckafka") or entry.get("ckafka")
        part = part if isinstance(part, Mapping) else {}
        key = part.get("msgKey")
        body = part.get("msgBody")
        records.append(
            CkafkaRecord(
                topic=str(part.get("topic", "")),
                partition=_number(part.get("Partition", part.get("partition"))),
                offset=_number(part.get("offset", part.get("Offset"))),
                key=None if key in (None, "None") else str(key),
                body=_sound(body) if isinstance(body, str) else "",
            )
        )
    return records


def _sound(text: str) -> str:
    """Without lone surrogates, which JSON can carry and neither MySQL nor Kafka can."""
    return text.encode("utf-8", "replace").decode()


def _number(value: object) -> int:
    return value if isinstance(value, int) else -1
