"""File names from strangers: which ones git would take for its own, and how to show them in a message."""

from __future__ import annotations

# Code points that HFS+ ignores, so that ".g\u200cit" is ".git" there. Source: git, utf8.c, next_hfs_char().
_HFS_IGNORED = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])


def is_git_name(component: str) -> bool:
    """Whether some file system would take this path component for `.git`.

    Source: git, path.c is_ntfs_dotgit() (short name, trailing dots and spaces, streams) and utf8.c is_hfs_dotgit().
    """
    plain = component.translate(_HFS_IGNORED).casefold().split(":", 1)[0].rstrip(" .")
    return plain in (".git", "git~1")


def printable(name: str | bytes, limit: int = 120) -> str:
    """A name for a message: quoted, control characters escaped, cut in the middle."""
    text = name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name
    text = ascii(text) if not text.isprintable() else f"'{text}'"
    return text if len(text) <= limit else f"{text[: limit // 2]}…{text[-limit // 2 :]}"
