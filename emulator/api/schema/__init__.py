"""Which parameters the served actions require: required.json, by generate.py; the SDK's models do not say it."""
