"""What a layer of wheels leaves out: content and rules (data beside the layer's list, with reasons) in, less out.

The file has sections: a reason in brackets, below it patterns of names in the zip, one a line. `*` also matches
slashes; a pattern that ends with a slash means a folder. `!pattern` keeps what other rules would take.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from deployer.packaging.model import Content, PackagingError

MB = 1_000_000


@dataclass
class Rule:
    """One reason to leave things out."""

    reason: str
    patterns: list[str] = field(default_factory=list)


def parse(text: str, shown: str) -> list[Rule]:
    """Raises PackagingError for a pattern without a reason above it."""
    rules: list[Rule] = []
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[(.+)\]", line):
            rules.append(Rule(heading[1]))
        elif rules:
            rules[-1].patterns.append(line)
        else:
            raise PackagingError(f"{shown}: {line} has no reason. Put one above it in brackets.")
    return rules


def prune(content: Content, rules: Iterable[Rule]) -> tuple[Content, list[str]]:
    """What stays, and a note for each rule: what it saved, and patterns that match nothing any more."""
    rules = list(rules)
    kept = {p[1:] for rule in rules for p in rule.patterns if p.startswith("!")}
    left, notes = dict(content), []
    for rule in rules:
        saved, idle = 0, []
        for pattern in rule.patterns:
            found = [name for name in content if _matches(name, pattern.removeprefix("!"))]
            if not found:
                idle.append(pattern)
            for name in found:
                if name in left and not any(_matches(name, keep) for keep in kept):
                    saved += len(left.pop(name))
        notes.append(f"left out {saved / MB:5.2f} MB: {rule.reason}")
        notes += [f"prune.txt: nothing matches {pattern} any more" for pattern in idle]
    return left, notes


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern + "*" if pattern.endswith("/") else pattern)
