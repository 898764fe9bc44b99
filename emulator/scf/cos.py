"""COS trigger: a change of an object in, the documented event out (tencentcloud.com/zh/document/product/583/9707)."""

from __future__ import annotations

from typing import Any

from emulator.events import ObjectEvent


def event(change: ObjectEvent, region: str, function: str) -> dict[str, Any]:
    """As the platform sends it: the bucket without its appid, the key behind /<appid>/<bucket>/, "unkown" and all."""
    name, _, appid = change.bucket.rpartition("-")
    host = f"{change.bucket}.cos.{region}.myqcloud.com"
    return {
        "Records": [
            {
                "cos": {
                    "cosSchemaVersion": "1.0",
                    "cosObject": {
                        "url": f"http://{host}/{change.key}",
                        "meta": dict(change.headers),
                        "vid": "",
                        "key": f"/{appid}/{name}/{change.key}",
                        "size": change.size,
                    },
                    "cosBucket": {"region": "gz", "name": name, "appid": appid},
                    "cosNotificationId": "unkown",
                },
                "event": {
                    "eventName": change.name,
                    "eventVersion": "1.0",
                    "eventTime": change.time,
                    "eventSource": "qcs::cos",
                    "requestParameters": {"requestSourceIP": change.source_ip, "requestHeaders": {}},
                    "eventQueue": f"qcs:0:scf:gz:appid/{appid}:default.{function}.$LATEST",
                    "reservedInfo": "",
                    "reqid": change.time,
                },
            }
        ]
    }
