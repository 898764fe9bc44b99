"""A plan or outputs in, the words for people or the data for --json out. No value of a secret is in a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.model import Change, Plan, Step

NO_CHANGES = "no changes"
STYLES = {"create": "green", "update": "yellow", "replace": "red", "delete": "red", "run": "cyan"}
LONGEST = 200
"""Characters of a value that are shown."""


def plan_lines(plan: Plan) -> list[tuple[str, str]]:
    """(line, style), the last one a summary; just "no changes" when nothing is to be done."""
    if not plan.steps:
        return [(NO_CHANGES, "green")]
    lines = [line for step in plan.steps for line in _step_lines(step)]
    return [*lines, ("", ""), (summary(plan), "bold")]


def summary(plan: Plan) -> str:
    """Like "2 to create, 1 to update"."""
    counts = {action: sum(step.action == action for step in plan.steps) for action in STYLES}
    return ", ".join(f"{count} to {action}" for action, count in counts.items() if count) or NO_CHANGES


def plan_data(plan: Plan, notes: list[str]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "stage": plan.stage,
        "steps": [
            {
                "action": step.action,
                "resource": step.resource.id,
                "changes": [{"field": c.field, "before": c.before, "after": c.after} for c in step.changes],
            }
            for step in plan.steps
        ],
        "notes": notes,
    }


def output_lines(outputs: Mapping[str, str]) -> list[str]:
    width = max(map(len, outputs), default=0)
    return [f"{name:<{width}}  {value}" for name, value in outputs.items()]


def _step_lines(step: Step) -> list[tuple[str, str]]:
    head = (f"{step.action:<8}{step.resource.id}", STYLES[step.action])
    return [head, *((f"          {_change(change)}", "") for change in step.changes)]


def _change(change: Change) -> str:
    before, after = _short(change.before), _short(change.after)
    return f"{change.field}: {before or '(nothing)'} → {after or '(nothing)'}"


def _short(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]} …"
