"""Lists through the real SDK, and against a plain model of what a list must hold."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qcloud_cos import CosServiceError

from emulator.cos.listing import page
from tests.support.cos import BUCKET, CosServer


def fill(cos: CosServer, *keys: str) -> None:
    client = cos.clients.path_style()
    for key in keys:
        client.put_object(Bucket=BUCKET, Key=key, Body=key.encode())


def test_list_shows_keys_in_utf8_order_with_size_and_etag(cos: CosServer) -> None:
    fill(cos, "b", "a", "目录/x y+z", "B", "a/b")
    listed = cos.clients.path_style().list_objects(Bucket=BUCKET)
    assert [o["Key"] for o in listed["Contents"]] == ["B", "a", "a/b", "b", "目录/x y+z"]
    assert listed["Contents"][1]["Size"] == "1"
    assert listed["Contents"][1]["ETag"] == '"0cc175b9c0f1b6a831c399e269772661"'
    assert (listed["IsTruncated"], listed["MaxKeys"]) == ("false", "1000")


def test_list_groups_by_delimiter_under_a_prefix(cos: CosServer) -> None:
    fill(cos, "logs/1/a", "logs/1/b", "logs/2/a", "logs/top", "other")
    listed = cos.clients.path_style().list_objects(Bucket=BUCKET, Prefix="logs/", Delimiter="/")
    assert [o["Key"] for o in listed["Contents"]] == ["logs/top"]
    assert [p["Prefix"] for p in listed["CommonPrefixes"]] == ["logs/1/", "logs/2/"]


@pytest.mark.parametrize("delimiter", ["", "/"])
def test_pages_join_to_the_whole_list(cos: CosServer, delimiter: str) -> None:
    fill(cos, *(f"中文/{n}/file" for n in range(5)), *(f"z {n}" for n in range(4)))
    client, marker, found = cos.clients.path_style(), "", []
    while True:
        listed = client.list_objects(Bucket=BUCKET, Delimiter=delimiter, Marker=marker, MaxKeys=2)
        entries = [o["Key"] for o in listed.get("Contents", [])]
        groups = [p["Prefix"] for p in listed.get("CommonPrefixes", [])]
        assert 0 < len(entries) + len(groups) <= 2
        found += entries + groups
        if listed["IsTruncated"] == "false":
            break
        marker = listed["NextMarker"]
    first = ["中文/"] if delimiter else [f"中文/{n}/file" for n in range(5)]
    assert sorted(found) == sorted([*first, *(f"z {n}" for n in range(4))])


def test_list_encodes_keys_only_when_asked(cos: CosServer) -> None:
    fill(cos, "a b/中")
    listed = cos.clients.path_style().list_objects(Bucket=BUCKET, EncodingType="url")
    assert (listed["Contents"][0]["Key"], listed["EncodingType"]) == ("a%20b/%E4%B8%AD", "url")


@pytest.mark.parametrize(
    ("how", "code"), [({"MaxKeys": -1}, "InvalidArgument"), ({"Delimiter": "ab"}, "InvalidDelimiter")]
)
def test_list_refuses_what_means_nothing(cos: CosServer, how: dict[str, object], code: str) -> None:
    with pytest.raises(CosServiceError) as e:
        cos.clients.path_style().list_objects(Bucket=BUCKET, **how)
    assert e.value.get_error_code() == code


def model(keys: set[str], prefix: str, delimiter: str) -> list[str]:
    """What all pages together must hold: written for plainness, not for speed."""
    found = set()
    for key in keys:
        if key.startswith(prefix):
            head, mark, _ = key[len(prefix) :].partition(delimiter or "\0")
            found.add(prefix + head + mark if delimiter and mark else key)
    return sorted(found, key=str.encode)


texts = st.text(alphabet="a/é中\U0001f600", min_size=1, max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.sets(texts, max_size=8), prefix=st.one_of(st.just(""), texts), delimiter=st.sampled_from(["", "/", "é"]),
       limit=st.integers(1, 4))  # fmt: skip
def test_pages_agree_with_a_model(cos: CosServer, keys: set[str], prefix: str, delimiter: str, limit: int) -> None:
    cos.reset()
    for key in keys:
        cos.store.put(BUCKET, key, {"content-type": "text/plain"}, cos.store.bodies.draft())
    found, marker = [], ""
    while True:
        got = page(cos.store, BUCKET, prefix, delimiter, marker, limit)
        found += sorted([entry.key for entry in got.entries] + got.groups, key=str.encode)
        if got.next_marker is None:
            break
        marker = got.next_marker
    assert found == model(keys, prefix, delimiter)
