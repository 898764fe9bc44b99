"""The table of errors in docs/deploy.md, made from the deployer's own advice: `python -m tests.support.deploydocs`."""

from __future__ import annotations

import re
from pathlib import Path

from deployer.advice import ADVICE

DEPLOY = Path(__file__).resolve().parents[2] / "docs" / "deploy.md"
TABLE = re.compile(r"(?<=<!-- errors: python -m tests\.support\.deploydocs -->\n).*(?=<!-- /errors -->)", re.DOTALL)


def table() -> str:
    """One row for a code or the beginning of many; sorted, so that a reader finds it."""
    rows = [f"| `{advice.code}` | {advice.meaning} | {advice.todo} |" for advice in ADVICE]
    return "\n".join(["| code begins with | means | do |", "|---|---|---|", *sorted(rows)]) + "\n"


def block(name: str) -> str:
    """The code block behind `<!-- name -->`."""
    found = re.search(rf"<!-- {re.escape(name)} -->\n```\w*\n(.*?)```", DEPLOY.read_text("utf-8"), re.DOTALL)
    assert found, name
    return found[1]


def main() -> None:
    text, count = TABLE.subn(lambda _: table(), DEPLOY.read_text("utf-8"))
    assert count == 1, "docs/deploy.md has no place for the table of errors"
    DEPLOY.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
