"""A pydantic model in; what shape of data it wants, as a JSON Schema without references, out."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

_SAYS_NOTHING = ("$defs", "title", "description", "default", "propertyNames")
_RENAMED = {"ge": "minimum", "le": "maximum"}  # pydantic leaves a range behind a BeforeValidator in its own words


def plain(model: type[BaseModel]) -> dict[str, Any]:
    """A model's schema with every reference written out, null left away, and only what decides."""
    schema = model.model_json_schema()
    result: dict[str, Any] = _plain(schema, schema.get("$defs", {}))
    return result


def _plain(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_plain(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _plain(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key not in _SAYS_NOTHING and value is not True:
            kept |= _keyword(key, value, definitions)
    return kept


def _keyword(key: str, value: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """What becomes of one keyword."""
    if key == "properties":  # the keys in it are names, no keywords
        return {key: {name: _plain(part, definitions) for name, part in value.items()}}
    if key == "anyOf":
        return _either([_plain(part, definitions) for part in value if part != {"type": "null"}])
    if key == "patternProperties":
        return {key: _plain(value, definitions), "additionalProperties": False}
    return {_RENAMED.get(key, key): _plain(value, definitions)}


def _either(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return parts[0] if len(parts) == 1 else {"anyOf": parts}
