"""The schema of required parameters: made from definitions like the official CLI's, and in step with the SDK."""

from __future__ import annotations

import json
from pathlib import Path

from emulator.api import schema
from emulator.api.models import fields, served
from emulator.api.schema.generate import SERVED, required
from tests.support.api import VERSIONS

DEFINITIONS = {
    "actions": {"CreateThing": {"input": "CreateThingRequest"}, "DropThing": {"input": "DropThingRequest"}},
    "objects": {
        "CreateThingRequest": {
            "members": [
                {"name": "Name", "member": "string", "required": True},
                {"name": "Note", "member": "string"},
                {"name": "Tags", "member": "Tag"},
            ]
        },
        "Tag": {"members": [{"name": "Key", "member": "string", "required": True}, {"name": "Sub", "member": "Tag"}]},
        "DropThingRequest": {"members": [{"name": "Id", "member": "string", "required": True}]},
    },
}


def test_only_what_the_actions_are_made_of_is_taken() -> None:
    assert required(DEFINITIONS, ["CreateThing"]) == {"CreateThingRequest": ["Name"], "Tag": ["Key"]}


def test_schema_has_what_generate_lists_and_the_sdk_knows_it() -> None:
    for line in SERVED.replace("\n  ", " ").strip().splitlines():
        service, version, *actions = line.split()
        assert VERSIONS[service] == version
        assert served(service, version) == frozenset(actions)
        for action in actions:
            assert fields(service, version, f"{action}Request") is not None
            assert fields(service, version, f"{action}Response") is not None


def test_every_required_parameter_is_one_of_the_sdks() -> None:
    known = json.loads((Path(schema.__file__).parent / "required.json").read_text(encoding="utf-8"))
    for service, part in known.items():
        for model, names in part["required"].items():
            assert set(names) <= set(fields(service, part["version"], model) or {}), model


def test_other_versions_are_not_served() -> None:
    assert served("scf", "2017-01-01") == served("cvm", "2017-03-12") == frozenset()
