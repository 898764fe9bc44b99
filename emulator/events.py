"""What the object store tells the trigger of SCF: one durable change of one object."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ObjectEvent:
    """One change. Names as in the COS trigger's documentation (product/583/9707), before SCF dresses them up."""

    bucket: str  # with the APPID: "code-1250000000"
    key: str  # as it was put, no leading slash
    name: str  # "cos:ObjectCreated:Put", "…:Copy", "…:CompleteMultipartUpload" or "cos:ObjectRemove:Delete"
    size: int  # bytes of the object (of the removed one, for Delete)
    headers: dict[str, str]  # Content-Type, x-cos-meta-*, x-cos-request-id
    source_ip: str
    time: int  # seconds since the epoch
