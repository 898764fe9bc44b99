"""The programs inside a task's pod: `fetch`, `run` and `deliver`, one container each (see README.md)."""
