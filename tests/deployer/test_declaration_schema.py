"""The JSON Schema that Serverless Framework checks with is the one of our own models."""

from __future__ import annotations

from typing import Any

from deployer.declaration import jsonschema

KNOWN = {
    "additionalProperties", "anyOf", "const", "enum", "items", "maxItems", "maxLength", "maximum", "maxProperties",
    "minItems", "minLength", "minProperties", "minimum", "pattern", "patternProperties", "properties", "required",
    "type",
}  # fmt: skip


def test_the_committed_schema_is_fresh() -> None:
    """If not: python -m deployer.declaration.jsonschema"""
    assert jsonschema.TARGET.read_text("utf-8") == jsonschema.text()


def test_the_schema_holds_only_words_that_the_strict_validator_knows() -> None:
    schema = jsonschema.plugin_schema()
    parts = [schema["provider"], schema["function"], schema["layers"], schema["resources"], schema["stage"]]

    assert {word for part in [*parts, *schema["functionEvents"].values()] for word in words(part)} <= KNOWN


def words(schema: dict[str, Any]) -> set[str]:
    """The keywords in a schema; names of properties are none."""
    found = set(schema)
    for key, value in schema.items():
        inner = value.values() if key in ("properties", "patternProperties") else value if key == "anyOf" else [value]
        for part in inner:
            found |= words(part) if isinstance(part, dict) else set()
    return found
