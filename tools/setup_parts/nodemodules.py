"""node_modules/ of the tests and of the console: what a package-lock.json pins, installed by npm."""

from __future__ import annotations

from pathlib import Path

from tools.setup_parts.stamps import digest, run, write


def install(root: Path) -> None:
    """Bring node_modules/ to what the lock file says; nothing to do where there is none or where it is so already."""
    lists = [root / "package.json", root / "package-lock.json"]
    if not all(path.is_file() for path in lists):
        return
    stamp, wanted = root / "node_modules" / ".setup-stamp", f"{digest(*lists)}\n"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    # npm empties the folder first, and the stamp with it: a killed one does not count.
    argv = ["npm", "ci", f"--prefix={root}", "--no-audit", "--no-fund", "--no-progress", "--ignore-scripts"]
    run(f"installing node modules of {root.name}", argv, "Does this machine reach the npm registry?")
    stamp.parent.mkdir(exist_ok=True)  # not made where nothing is pinned
    write(stamp, wanted)
