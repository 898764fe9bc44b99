"""Two sets of named texts in, the changes between them out: what a plan shows of a resource."""

from __future__ import annotations

from collections.abc import Mapping

from deployer.model import Change


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """One Change for each name whose text differs; an absent one counts as empty. In `after`'s order."""
    names = [*after, *(name for name in before if name not in after)]
    return tuple(
        Change(name, before.get(name, ""), after.get(name, ""))
        for name in names
        if before.get(name, "") != after.get(name, "")
    )
