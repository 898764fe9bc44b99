"""Objects through the real SDK: what is put is what is got, whatever the key, the size or the way it is addressed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import requests
from qcloud_cos import CosS3Client, CosServiceError

from tests.support.cos import BUCKET, REGION, CosServer


@pytest.fixture(params=["path_style", "host_style"])
def client(cos: CosServer, request: pytest.FixtureRequest) -> CosS3Client:
    return getattr(cos.clients, request.param)()


def content(response: dict[str, Any]) -> bytes:
    body: bytes = response["Body"].get_raw_stream().read()
    return body


def get(client: CosS3Client, key: str, **how: str) -> bytes:
    return content(client.get_object(Bucket=BUCKET, Key=key, **how))


KEYS = [
    "plain.txt",
    "a/b/c.txt",
    "with space and +plus&=?#%25.txt",
    "目录/任务 zip.txt",
    "../../escape.txt",
    "a/../b",
    "dir/./x",
    "//double",
    "trailing/",
    "quote'\"<>.txt",
    "é" * 400,
]


@pytest.mark.parametrize("key", KEYS)
def test_object_round_trips_under_any_key(client: CosS3Client, key: str) -> None:
    put = client.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    assert put["ETag"] == f'"{hashlib.md5(key.encode()).hexdigest()}"'
    assert get(client, key) == key.encode()
    assert client.head_object(Bucket=BUCKET, Key=key)["Content-Length"] == str(len(key.encode()))
    assert [o["Key"] for o in client.list_objects(Bucket=BUCKET)["Contents"]] == [key.removeprefix("/")]
    client.delete_object(Bucket=BUCKET, Key=key)
    assert "Contents" not in client.list_objects(Bucket=BUCKET)


def test_no_file_leaves_the_folder_for_a_key_that_climbs(cos: CosServer) -> None:
    cos.clients.path_style().put_object(Bucket=BUCKET, Key="../../../../climbed-out-of-cos", Body=b"x")
    assert not list(cos.root.parent.rglob("*climbed-out-of-cos*"))
    assert cos.body_files() == 1


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_body_round_trips_at_any_size(client: CosS3Client, size: int) -> None:
    body = os.urandom(size)
    client.put_object(Bucket=BUCKET, Key="k", Body=body, EnableMD5=True)
    assert get(client, "k") == body


def test_body_of_unknown_length_is_kept(client: CosS3Client) -> None:
    client.put_object(Bucket=BUCKET, Key="k", Body=(b"x" * 1000 for _ in range(10)))
    assert get(client, "k") == b"x" * 10_000


def test_metadata_is_kept(client: CosS3Client) -> None:
    client.put_object(
        Bucket=BUCKET, Key="k", Body=b"{}", ContentType="application/json", CacheControl="no-cache",
        Metadata={"x-cos-meta-prompt": "fix it", "x-cos-meta-chinese": "修复"},
    )  # fmt: skip
    head = client.head_object(Bucket=BUCKET, Key="k")
    assert (head["Content-Type"], head["Cache-Control"]) == ("application/json", "no-cache")
    assert head["x-cos-meta-prompt"] == "fix it"
    assert head["x-cos-meta-chinese"].encode("latin-1").decode() == "修复"


def test_overwriting_replaces_body_and_metadata_and_frees_the_old_file(cos: CosServer) -> None:
    client = cos.clients.path_style()
    client.put_object(Bucket=BUCKET, Key="k", Body=b"one", Metadata={"x-cos-meta-a": "1"})
    client.put_object(Bucket=BUCKET, Key="k", Body=b"second")
    head = client.head_object(Bucket=BUCKET, Key="k")
    assert get(client, "k") == b"second"
    assert "x-cos-meta-a" not in head
    assert cos.body_files() == 1


@pytest.mark.parametrize(
    ("asked", "expected", "shown"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=5-99", b"56789", "bytes 5-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_range_gives_a_part(client: CosS3Client, asked: str, expected: bytes, shown: str) -> None:
    client.put_object(Bucket=BUCKET, Key="k", Body=b"0123456789")
    response = client.get_object(Bucket=BUCKET, Key="k", Range=asked)
    assert content(response) == expected
    assert response["Content-Range"] == shown


def test_range_of_a_large_object_is_streamed_from_its_offset(client: CosS3Client) -> None:
    body = os.urandom(4 << 20)
    client.put_object(Bucket=BUCKET, Key="k", Body=body)
    assert get(client, "k", Range="bytes=1000000-3000000") == body[1_000_000:3_000_001]


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-12", "bytes=-0"])
def test_range_behind_the_end_is_refused(client: CosS3Client, asked: str) -> None:
    client.put_object(Bucket=BUCKET, Key="k", Body=b"0123456789")
    with pytest.raises(CosServiceError) as e:
        get(client, "k", Range=asked)
    assert (e.value.get_status_code(), e.value.get_error_code()) == (416, "InvalidRange")


@pytest.mark.parametrize("asked", ["bytes=4-2", "bytes=-", "lines=1-2", "bytes=0-1,4-5"])
def test_range_that_means_nothing_gives_the_whole(client: CosS3Client, asked: str) -> None:
    client.put_object(Bucket=BUCKET, Key="k", Body=b"0123456789")
    assert get(client, "k", Range=asked) == b"0123456789"


def test_conditions_decide_a_read(client: CosS3Client) -> None:
    etag = client.put_object(Bucket=BUCKET, Key="k", Body=b"x")["ETag"]
    date = client.head_object(Bucket=BUCKET, Key="k")["Last-Modified"]
    early = "Mon, 01 Jan 2001 00:00:00 GMT"
    assert get(client, "k", IfMatch=etag) == b"x"
    assert get(client, "k", IfNoneMatch='"other"') == b"x"
    assert get(client, "k", IfModifiedSince=early) == b"x"
    assert get(client, "k", IfUnmodifiedSince=date) == b"x"
    for wrong in ({"IfMatch": '"other"'}, {"IfUnmodifiedSince": early}):
        with pytest.raises(CosServiceError) as e:
            get(client, "k", **wrong)
        assert e.value.get_error_code() == "PreconditionFailed"


def test_unchanged_object_is_not_sent_again(cos: CosServer) -> None:
    etag = cos.clients.path_style().put_object(Bucket=BUCKET, Key="k", Body=b"x")["ETag"]
    url = cos.presigned("GET", "k")
    for condition in ({"If-None-Match": etag}, {"If-Modified-Since": requests.get(url).headers["last-modified"]}):
        response = requests.get(url, headers=condition)
        assert (response.status_code, response.content, response.headers["ETag"]) == (304, b"", etag)


def test_response_parameters_replace_headers(client: CosS3Client) -> None:
    client.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    response = client.get_object(Bucket=BUCKET, Key="k", ResponseContentDisposition='attachment; filename="a b.txt"')
    assert content(response) == b"x"
    assert response["Content-Disposition"] == 'attachment; filename="a b.txt"'


def test_copy_keeps_or_replaces_metadata(cos: CosServer) -> None:
    client = cos.clients.path_style()
    cos.clients.path_style("logs-1250000000").create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="目录/a b+c", Body=b"body", Metadata={"x-cos-meta-a": "1"})
    source = {"Bucket": BUCKET, "Key": "目录/a b+c", "Region": REGION}
    logs = cos.clients.path_style("logs-1250000000")
    assert (
        logs.copy_object(Bucket=BUCKET, Key="copy", CopySource=source)["ETag"]
        == client.head_object(Bucket=BUCKET, Key="目录/a b+c")["ETag"]
    )
    client.delete_object(Bucket=BUCKET, Key="目录/a b+c")
    assert get(logs, "copy") == b"body"
    assert logs.head_object(Bucket=BUCKET, Key="copy")["x-cos-meta-a"] == "1"
    own = {"Bucket": "logs-1250000000", "Key": "copy", "Region": REGION}
    logs.copy_object(Bucket=BUCKET, Key="copy", CopySource=own, CopyStatus="Replaced", Metadata={"x-cos-meta-b": "2"})
    head = logs.head_object(Bucket=BUCKET, Key="copy")
    assert ("x-cos-meta-a" in head, head["x-cos-meta-b"]) == (False, "2")
    assert cos.body_files() == 1


def test_copy_is_refused_without_a_source_or_a_change(cos: CosServer) -> None:
    client = cos.clients.host_style()
    client.put_object(Bucket=BUCKET, Key="k", Body=b"body")
    for key, code in (("missing", "NoSuchCopySource"), ("k", "InvalidRequest")):
        with pytest.raises(CosServiceError) as e:
            client.copy_object(Bucket=BUCKET, Key="k", CopySource={"Bucket": BUCKET, "Key": key, "Region": REGION})
        assert e.value.get_error_code() == code
    with pytest.raises(CosServiceError) as e:
        client.copy_object(
            Bucket=BUCKET,
            Key="new",
            CopySource={"Bucket": BUCKET, "Key": "k", "Region": REGION},
            CopySourceIfMatch='"x"',
        )
    assert e.value.get_error_code() == "PreconditionFailed"
    assert get(client, "k") == b"body"


def test_copy_method_of_the_sdk_works_by_host_name(cos: CosServer) -> None:
    client = cos.clients.host_style()
    client.put_object(Bucket=BUCKET, Key="k", Body=b"body")
    client.copy(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "k", "Region": REGION})
    assert get(client, "copy") == b"body"


def test_deleting_many_names_each(client: CosS3Client) -> None:
    for key in ("a", "b", "中文"):
        client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    gone = client.delete_objects(Bucket=BUCKET, Delete={"Object": [{"Key": k} for k in ("a", "中文", "missing")]})
    assert [d["Key"] for d in gone["Deleted"]] == ["a", "中文", "missing"]
    assert [o["Key"] for o in client.list_objects(Bucket=BUCKET)["Contents"]] == ["b"]
    client.delete_objects(Bucket=BUCKET, Delete={"Quiet": "true", "Object": [{"Key": "b"}]})
    assert "Contents" not in client.list_objects(Bucket=BUCKET)


def test_buckets_are_made_listed_and_removed_when_empty(cos: CosServer) -> None:
    client = cos.clients.host_style()
    client.create_bucket(Bucket="second-1250000000")
    assert [b["Name"] for b in client.list_buckets()["Buckets"]["Bucket"]] == [BUCKET, "second-1250000000"]
    client.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    with pytest.raises(CosServiceError) as e:
        client.delete_bucket(Bucket=BUCKET)
    assert e.value.get_error_code() == "BucketNotEmpty"
    client.delete_object(Bucket=BUCKET, Key="k")
    client.delete_bucket(Bucket=BUCKET)
    assert not client.bucket_exists(Bucket=BUCKET)
    assert client.bucket_exists(Bucket="second-1250000000")


def test_download_file_of_the_sdk_fetches_in_parts(client: CosS3Client, tmp_path: Path) -> None:
    body = os.urandom(5 << 20)
    client.put_object(Bucket=BUCKET, Key="k", Body=body)
    client.download_file(
        Bucket=BUCKET, Key="k", DestFilePath=str(tmp_path / "file"), PartSize=1, DumpRecordDir=str(tmp_path / "record")
    )
    assert (tmp_path / "file").read_bytes() == body
