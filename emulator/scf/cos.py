"""COS trigger: a change of an object in, the documented event out (tencentcloud.com/zh/document/product/583/9707)."""

from __future__ import annotations

import zlib
from typing import Any
from urllib.parse import quote

from emulator.events import ObjectEvent
from emulator.scf.queue import Target

_SHORT = {  # the codes of the older regions, as the vendor's samples have them; a newer region has its whole name
    "ap-guangzhou": "gz",
    "ap-shanghai": "sh",
    "ap-beijing": "bj",
    "ap-chengdu": "cd",
    "ap-chongqing": "cq",
    "ap-hongkong": "hk",
    "ap-nanjing": "nj",
    "ap-singapore": "sg",
}


def event(change: ObjectEvent, region: str, target: Target) -> dict[str, Any]:
    """As the platform sends it: the bucket without its appid, the key behind /<appid>/<bucket>/, "unkown" and all.

    The key is URL-encoded, slashes aside: undocumented, but what functions in the wild undo. The Authorization header
    of the request that made the change, which the platform shows, is left out.
    """
    name, _, appid = change.bucket.rpartition("-")
    key, short = quote(change.key, safe="/"), _SHORT.get(region, region)
    request = change.headers.get("x-cos-request-id", "")
    return {
        "Records": [
            {
                "cos": {
                    "cosSchemaVersion": "1.0",
                    "cosObject": {
                        "url": f"http://{change.bucket}.cos.{region}.myqcloud.com/{key}",
                        "meta": dict(change.headers),
                        "vid": "",
                        "key": f"/{appid}/{name}/{key}",
                        "size": change.size,
                    },
                    "cosBucket": {"region": short, "name": name, "appid": appid},
                    "cosNotificationId": "unkown",
                },
                "event": {
                    "eventName": change.name,
                    "eventVersion": "1.0",
                    "eventTime": change.time,
                    "eventSource": "qcs::cos",
                    "requestParameters": {"requestSourceIP": change.source_ip, "requestHeaders": {}},
                    "eventQueue": f"qcs:0:scf:{short}:appid/{appid}:{'.'.join(target)}",
                    "reservedInfo": "",
                    "reqid": zlib.crc32(f"{request}{change.time}".encode()),
                },
            }
        ]
    }
