"""The fields of the kinds that this API serves, as data: kinds.json, made by generate.py."""

from pathlib import Path

SCHEMA_FILE = Path(__file__).with_name("kinds.json")
