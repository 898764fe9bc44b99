"""A Git repository as the source: one commit of it, fetched shallowly, checked, laid out in the pristine tree.

in   URL, branch, tag or commit, allowed schemes, limits
out  a repository folder (for the agent's `.git`) and a work tree without conversions; SourceError with a clear message
"""

from __future__ import annotations

import errno
import re
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from patchmill_agent import gitcmd
from patchmill_agent.errors import SourceError
from patchmill_agent.gitcmd import Done
from patchmill_agent.names import printable

_BAD_IN_URL = re.compile(r"[\s\\\x00-\x20\x7f<>\"`{}|^#]")
# git-check-ref-format(1), plus ":" and "+" at the start, which would make a refspec of it.
_BAD_REF = re.compile(r"^[-+/.]|[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|[/.]$|^@$")
_SUBMODULE = "160000"


def check_url(url: str, schemes: Sequence[str]) -> None:
    """Raises SourceError for a URL that is not plainly scheme://host/path, before git sees it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise SourceError("the repository URL cannot be read") from error
    if parts.scheme not in schemes:
        raise SourceError(f"the repository URL must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if not host or len(url) > 2048 or not url.isascii() or _BAD_IN_URL.search(url) or "%2e" in url.lower():
        raise SourceError("the repository URL holds characters that do not belong into one, or no host")
    if "@" in parts.netloc:
        raise SourceError("the repository URL must not hold a user name or password")


def check_ref(ref: str) -> None:
    """Raises SourceError for what cannot be a branch, a tag or a commit."""
    if not ref or len(ref) > 255 or _BAD_REF.search(ref):
        raise SourceError(f"{printable(ref)} cannot be the name of a branch, a tag or a commit")


def clone(
    url: str, ref: str | None, schemes: Sequence[str], git_dir: Path, tree: Path, max_bytes: int, max_files: int
) -> str:
    """Fetch one commit into `git_dir`, lay it out in `tree`, and return its id. Raises SourceError."""
    check_url(url, schemes)
    if ref is not None:
        check_ref(ref)
    gitcmd.init(git_dir)
    fetch = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-commit-graph"]
    with _largest_file(max_bytes):
        done = gitcmd.run([*fetch, "--", url, ref or "HEAD"], git_dir=git_dir, schemes=schemes)
    if done.code != 0:
        _raise_if_disk_full(done)
        raise SourceError(explain(done, url, ref))
    found = gitcmd.run(["rev-parse", "--verify", "--quiet", "FETCH_HEAD^{commit}"], git_dir=git_dir)
    if found.code != 0:
        raise SourceError(f"{printable(ref or 'HEAD')} of {url} is not a commit")
    _check_size(gitcmd.must(["ls-tree", "-r", "-l", "-z", "FETCH_HEAD"], git_dir=git_dir), max_bytes, max_files)
    done = gitcmd.run(["checkout", "--quiet", "-B", "patchmill", "FETCH_HEAD"], git_dir=git_dir, work_tree=tree)
    if done.code != 0:
        _raise_if_disk_full(done)
        raise SourceError(f"the commit cannot be checked out: {_last_line(done.error)}")
    return found.output.decode().strip()


def _check_size(listing: bytes, max_bytes: int, max_files: int) -> None:
    size = files = 0
    for line in listing.split(b"\0"):
        if not line:
            continue
        mode, _, _, length = line.split(b"\t", 1)[0].split()
        if mode.decode() != _SUBMODULE:
            files, size = files + 1, size + int(length)
    if size > max_bytes:
        raise SourceError(f"the source is {size} bytes, the limit is {max_bytes}")
    if files > max_files:
        raise SourceError(f"the source has {files} files, the limit is {max_files}")


def explain(done: Done, url: str, ref: str | None) -> str:
    """A sentence for a person from what git wrote when a fetch failed."""
    text = done.error.lower()
    asked = printable(ref) if ref else "HEAD"
    cases: list[tuple[str, str]] = [
        (r"couldn't find remote ref head", f"the repository {url} is empty"),
        (r"couldn't find remote ref|not our ref|unadvertised object", f"ref {asked} not found in {url}"),
        (r"signal 25|file too large|file size limit", f"the repository {url} is larger than the limit"),
        (r"not found|error: 404", f"repository not found: {url}"),
        (
            r"could not read (username|password)|authentication failed|error: 40[13]",
            f"repository not found or private: {url}",
        ),
        (r"error: 30\d|redirect", f"{url} redirects to another address: give that one"),
        (r"could not resolve", f"the host of {url} is not known"),
        (
            r"failed to connect|couldn't connect|connection refused|timed out|too slow",
            f"the host of {url} does not answer",
        ),
        (r"certificate|ssl", f"the certificate of {url} is not trusted"),
    ]
    for pattern, sentence in cases:
        if re.search(pattern, text):
            return sentence
    return f"git could not fetch {url}: {_last_line(done.error)}"


def _raise_if_disk_full(done: Done) -> None:
    if "No space left on device" in done.error:
        raise OSError(errno.ENOSPC, "no space left for the repository")


def _last_line(error: str) -> str:
    lines = [line for line in error.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return printable((fatal or lines or ["no reason given"])[-1], 300)


@contextmanager
def _largest_file(max_bytes: int) -> Iterator[None]:
    """Children may write no file above `max_bytes`: git has no option for the size of a pack that it fetches."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = max_bytes if hard == resource.RLIM_INFINITY else min(max_bytes, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
