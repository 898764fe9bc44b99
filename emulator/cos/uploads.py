"""Multipart uploads: parts are bodies of their own until `complete` makes one object of them, in one transaction."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from emulator.cos.bodies import Draft
from emulator.cos.errors import CosError, no_such_bucket, no_such_upload
from emulator.cos.store import Headers, Store, Stored, insert, now

MIN_PART = 1 << 20  # bytes, of every part but the last: https://cloud.tencent.com/document/product/436/7742


@dataclass(frozen=True)
class Upload:
    key: str
    id: str
    started: int  # milliseconds since the epoch


@dataclass(frozen=True)
class Part:
    number: int  # 1 to 10000
    body: str
    size: int  # bytes
    etag: str  # quoted
    modified: int  # milliseconds since the epoch


def start(store: Store, bucket: str, key: str, headers: Headers) -> str:
    """The new upload's id. Raises CosError NoSuchBucket."""
    upload = f"{now() // 1000:x}{secrets.token_hex(24)}"
    try:
        with store.index.change() as db:
            row = (bucket, key.encode(), upload, now(), json.dumps(headers))
            db.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, ?)", row)
    except sqlite3.IntegrityError as e:
        raise no_such_bucket() from e
    return upload


def add_part(store: Store, bucket: str, key: str, upload: str, number: int, draft: Draft) -> Part:
    """Make the draft part `number`, in place of an earlier one. Raises CosError NoSuchUpload."""
    draft.keep()
    part = Part(number, draft.name, draft.size, f'"{draft.md5.hex()}"', now())
    with store.index.change() as db:
        _headers(db, bucket, key, upload)
        old = db.execute("SELECT body FROM parts WHERE upload = ? AND number = ?", (upload, number)).fetchall()
        row = (upload, number, part.body, part.size, part.etag, part.modified)
        db.execute("REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?)", row)
    store.bodies.remove(*(body for (body,) in old))
    return part


def parts(store: Store, bucket: str, key: str, upload: str) -> list[Part]:
    """By number. Raises CosError NoSuchUpload."""
    with store.index.read() as db:
        _headers(db, bucket, key, upload)
        return _parts(db, upload)


def complete(store: Store, bucket: str, key: str, upload: str, wanted: Sequence[tuple[int, str]]) -> Stored:
    """Make one object of the parts given as (number, ETag), and end the upload.

    Raises CosError NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall.
    """
    chosen = _choose(parts(store, bucket, key, upload), wanted)
    digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in chosen)
    etag = f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(chosen)}"'
    draft = store.bodies.draft()
    try:
        for part in chosen:
            with store.bodies.open(part.body) as source:
                draft.append(source)
        draft.keep()
        return _finish(store, bucket, key, upload, chosen, draft, etag)
    except FileNotFoundError as e:  # aborted, or completed by another request, while the parts were being joined
        draft.discard()
        raise no_such_upload() from e
    except BaseException:
        draft.discard()
        raise


def _choose(known: Sequence[Part], wanted: Sequence[tuple[int, str]]) -> list[Part]:
    numbers = [number for number, _ in wanted]
    if any(a >= b for a, b in pairwise(numbers)):
        raise CosError("InvalidPartOrder", "The list of parts was not in ascending order.")
    by_number = {part.number: part for part in known}
    chosen = [by_number[number] for number in numbers if number in by_number]
    if not chosen or [(p.number, p.etag.strip('"')) for p in chosen] != [(n, e.strip('"')) for n, e in wanted]:
        raise CosError("InvalidPart", "One or more of the specified parts could not be found or has another ETag.")
    if any(part.size < MIN_PART for part in chosen[:-1]):
        raise CosError("EntityTooSmall", f"Every part but the last must have at least {MIN_PART} bytes.")
    return chosen


def _finish(
    store: Store, bucket: str, key: str, upload: str, chosen: Sequence[Part], draft: Draft, etag: str
) -> Stored:
    with store.index.change() as db:
        headers = _headers(db, bucket, key, upload)
        present = _parts(db, upload)
        if not set(chosen) <= set(present):  # a part was sent again meanwhile: the joined bytes are the old ones
            raise CosError("InvalidPart", "A part was replaced while the upload was being completed.")
        stored = Stored(key, draft.name, draft.size, etag, now(), headers)
        unused = insert(db, bucket, stored) + [part.body for part in present]
        db.execute("DELETE FROM uploads WHERE id = ?", (upload,))
    store.bodies.remove(*unused)
    return stored


def abort(store: Store, bucket: str, key: str, upload: str) -> None:
    """Raises CosError NoSuchUpload."""
    with store.index.change() as db:
        _headers(db, bucket, key, upload)
        unused = [part.body for part in _parts(db, upload)]
        db.execute("DELETE FROM uploads WHERE id = ?", (upload,))
    store.bodies.remove(*unused)


def unfinished(store: Store, bucket: str, prefix: str, after: tuple[str, str], limit: int) -> tuple[list[Upload], bool]:
    """The bucket's uploads by key and start, after the (key, upload id) given, and whether there are more.

    An empty upload id in `after` stands for all uploads of that key. Raises CosError NoSuchBucket.
    """
    store.require_bucket(bucket)
    with store.index.read() as db:
        rows = db.execute(
            "SELECT key, id, started FROM uploads WHERE bucket = ? AND key >= ? ORDER BY key, started, id",
            (bucket, max(prefix, after[0]).encode()),
        ).fetchall()
    found = [Upload(key.decode(), upload, started) for key, upload, started in rows]
    found = [upload for upload in found if upload.key.startswith(prefix)]
    behind = [i for i, u in enumerate(found) if u.key == after[0] and after[1] in ("", u.id)]
    found = found[behind[-1] + 1 :] if behind else found
    return found[:limit], len(found) > limit


def _headers(db: sqlite3.Connection, bucket: str, key: str, upload: str) -> Headers:
    row = db.execute(
        "SELECT headers FROM uploads WHERE id = ? AND bucket = ? AND key = ?", (upload, bucket, key.encode())
    ).fetchone()
    if row is None:
        raise no_such_upload()
    headers: Headers = json.loads(row[0])
    return headers


def _parts(db: sqlite3.Connection, upload: str) -> list[Part]:
    rows = db.execute(
        "SELECT number, body, size, etag, modified FROM parts WHERE upload = ? ORDER BY number", (upload,)
    )
    return [Part(*row) for row in rows]
