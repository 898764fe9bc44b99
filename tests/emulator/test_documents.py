"""What the stand-ins remember: by kind, by key, and by the folder that a key begins with."""

from __future__ import annotations

from pathlib import Path

from emulator.documents import Documents


def test_folder_holds_its_own_keys_only() -> None:
    documents = Documents(None)
    for key in ("a/b", "a/b/1", "a/b/2/c", "a/b0", "a/b-c/1", "a/bc/1", "b/b/1"):
        documents.put("kind", key, {"key": key})
    documents.put("other", "a/b/3", {})
    assert list(documents.all("kind", "a/b")) == ["a/b/1", "a/b/2/c"]
    assert list(documents.all("kind", "a")) == ["a/b", "a/b-c/1", "a/b/1", "a/b/2/c", "a/b0", "a/bc/1"]
    assert len(documents.all("kind")) == 7


def test_document_is_kept_replaced_and_removed(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "deep" / "platform.sqlite")
    documents.put("kind", "a", {"text": "größer", "list": [1]})
    documents.put("kind", "a", {"text": "größer", "list": [2]})
    documents.close()
    documents = Documents(tmp_path / "deep" / "platform.sqlite")
    assert documents.get("kind", "a") == {"text": "größer", "list": [2]}
    assert documents.delete("kind", "a") and not documents.delete("kind", "a")
    assert documents.get("kind", "a") is None
