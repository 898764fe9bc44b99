"""The pydantic models in; the JSON Schema of serverless.yml as Serverless Framework's configSchemaHandler wants it out.

`python -m deployer.declaration.jsonschema` writes deployer/serverless-plugin/schema.json. Its parts: `provider` and
`function` (properties beside those that the framework knows), `functionEvents` by kind, `layers`, `resources`, and
`stage`, which is custom.stage. The framework's validator (ajv) is strict: no titles, no defaults, no references.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deployer.declaration.schema import Document, Event, FunctionPart, Provider
from deployer.declaration.shape import plain
from deployer.declaration.stage import Stage

TARGET = Path(__file__).parents[1] / "serverless-plugin" / "schema.json"


def main() -> None:
    TARGET.write_text(text(), "utf-8")


def text() -> str:
    """The content of schema.json."""
    return json.dumps(plugin_schema(), indent=2, sort_keys=True) + "\n"


def plugin_schema() -> dict[str, Any]:
    document = plain(Document)["properties"]
    return {
        "provider": _without(plain(Provider), "name"),
        "function": _without(plain(FunctionPart), "events"),
        "functionEvents": plain(Event)["properties"],
        "layers": document["layers"],
        "resources": document["resources"],
        "stage": plain(Stage),
    }


def _without(schema: dict[str, Any], name: str) -> dict[str, Any]:
    properties = {key: part for key, part in schema["properties"].items() if key != name}
    return {"properties": properties, "required": [key for key in schema.get("required", []) if key != name]}


if __name__ == "__main__":
    main()
