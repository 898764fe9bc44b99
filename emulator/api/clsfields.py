"""What the parts of the CLS stand-in share: names, tags, filters and pages, with the platform's refusals."""

from __future__ import annotations

import re
from collections.abc import Iterable

from emulator.api.action import ApiError, Params
from emulator.api.fields import number, tags
from emulator.documents import Document

MAX_NAME, MAX_TAGS = 255, 10
_RESERVED = ("cls_service_log", "loglistener_status", "loglistener_alarm", "loglistener_business", "cls_service_metric")


def name_of(params: Params, parameter: str) -> str:
    """A name as CLS takes it. Raises ApiError."""
    name: str = params[parameter]
    if not re.fullmatch(rf"[^|]{{1,{MAX_NAME}}}", name) or name in _RESERVED:
        raise ApiError("InvalidParameterValue", f"`{parameter}` must be of 1 to {MAX_NAME} characters, without |.")
    return name


def given_tags(given: list[dict[str, str]]) -> dict[str, str]:
    return tags(given, "Key", "Value", at_most=MAX_TAGS, code="LimitExceeded.Tag")


def tag_list(document: Document) -> list[Params]:
    return [{"Key": key, "Value": value} for key, value in document["tags"].items()]


def filtered(
    documents: list[Document], params: Params, known: dict[str, str], fuzzy: Iterable[str], *, by_tag: bool = True
) -> list[Document]:
    """The documents that meet all Filters; within one filter, one value suffices. `known`: filter → field."""
    for wanted in params.get("Filters", []):
        key, values = wanted["Key"], wanted["Values"]
        if by_tag and key == "tagKey":
            documents = [d for d in documents if any(value in d["tags"] for value in values)]
        elif by_tag and key.startswith("tag:"):
            documents = [d for d in documents if d["tags"].get(key.removeprefix("tag:")) in values]
        elif key not in known:
            raise ApiError("InvalidParameter", f"There is no filter `{key}`.")
        elif key in fuzzy:
            documents = [d for d in documents if any(value in d[known[key]] for value in values)]
        else:
            documents = [d for d in documents if d[known[key]] in values]
    return documents


def page(documents: list[Document], params: Params) -> list[Document]:
    """Offset and Limit, as the lists of CLS take them."""
    offset, limit = number(params, "Offset", 0, 10**6, 0), number(params, "Limit", 1, 100, 20)
    return documents[offset : offset + limit]
