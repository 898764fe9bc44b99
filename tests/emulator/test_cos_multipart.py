"""Multipart uploads through the real SDK."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from qcloud_cos import CosServiceError

from tests.support.cos import BUCKET, REGION, CosServer

MB = 1 << 20


def test_upload_file_of_the_sdk_makes_one_object(cos: CosServer, tmp_path: Path) -> None:
    body = os.urandom(5 * MB + 123)
    (tmp_path / "file").write_bytes(body)
    client = cos.clients.path_style()
    done = client.upload_file(
        Bucket=BUCKET, Key="目录/big", LocalFilePath=str(tmp_path / "file"), PartSize=1, MAXThread=4, EnableMD5=True,
        ContentType="text/x-big", Metadata={"x-cos-meta-a": "1"},
    )  # fmt: skip
    digests = b"".join(hashlib.md5(body[i : i + MB]).digest() for i in range(0, len(body), MB))
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-6"'
    head = client.head_object(Bucket=BUCKET, Key="目录/big")
    assert (head["ETag"], head["Content-Type"], head["x-cos-meta-a"]) == (done["ETag"], "text/x-big", "1")
    assert client.get_object(Bucket=BUCKET, Key="目录/big")["Body"].get_raw_stream().read() == body
    assert cos.body_files() == 1


def test_interrupted_upload_file_goes_on_with_the_parts_that_are_there(cos: CosServer, tmp_path: Path) -> None:
    body = os.urandom(3 * MB)
    (tmp_path / "file").write_bytes(body)
    client = cos.clients.path_style()
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="big")["UploadId"]
    client.upload_part(Bucket=BUCKET, Key="big", Body=body[:MB], PartNumber=1, UploadId=upload)
    cos.stop()
    cos.start()
    client = cos.clients.path_style()
    client.upload_file(Bucket=BUCKET, Key="big", LocalFilePath=str(tmp_path / "file"), PartSize=1)
    assert client.get_object(Bucket=BUCKET, Key="big")["Body"].get_raw_stream().read() == body
    assert "Upload" not in client.list_multipart_uploads(Bucket=BUCKET)


def test_parts_are_listed_in_pages_and_replaced_by_number(cos: CosServer) -> None:
    client = cos.clients.path_style()
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
    for number, body in ((3, b"three"), (1, b"one"), (2, b"zwei"), (2, b"two")):
        client.upload_part(Bucket=BUCKET, Key="k", Body=body, PartNumber=number, UploadId=upload)
    first = client.list_parts(Bucket=BUCKET, Key="k", UploadId=upload, MaxParts=2)
    assert [(p["PartNumber"], p["Size"]) for p in first["Part"]] == [("1", "3"), ("2", "3")]
    assert (first["IsTruncated"], first["NextPartNumberMarker"]) == ("true", "2")
    rest = client.list_parts(Bucket=BUCKET, Key="k", UploadId=upload, PartNumberMarker=2)
    assert [p["PartNumber"] for p in rest["Part"]] == ["3"]
    assert cos.body_files() == 3
    assert not client.object_exists(Bucket=BUCKET, Key="k")


def test_unfinished_uploads_are_listed_in_pages(cos: CosServer) -> None:
    client = cos.clients.path_style()
    ids = [client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"] for key in ("a", "p/中 1", "p/中 2")]
    first = client.list_multipart_uploads(Bucket=BUCKET, Prefix="p/", MaxUploads=1)
    assert [(u["Key"], u["UploadId"]) for u in first["Upload"]] == [("p/中 1", ids[1])]
    rest = client.list_multipart_uploads(
        Bucket=BUCKET, Prefix="p/", KeyMarker=first["NextKeyMarker"], UploadIdMarker=first["NextUploadIdMarker"]
    )
    assert ([u["Key"] for u in rest["Upload"]], rest["IsTruncated"]) == (["p/中 2"], "false")


def test_aborted_upload_is_gone_with_its_parts(cos: CosServer) -> None:
    client = cos.clients.path_style()
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
    etag = client.upload_part(Bucket=BUCKET, Key="k", Body=b"x", PartNumber=1, UploadId=upload)["ETag"]
    client.abort_multipart_upload(Bucket=BUCKET, Key="k", UploadId=upload)
    assert cos.body_files() == 0
    acts: tuple[Callable[[], object], ...] = (
        lambda: client.upload_part(Bucket=BUCKET, Key="k", Body=b"x", PartNumber=1, UploadId=upload),
        lambda: client.list_parts(Bucket=BUCKET, Key="k", UploadId=upload),
        lambda: client.abort_multipart_upload(Bucket=BUCKET, Key="k", UploadId=upload),
        lambda: client.complete_multipart_upload(
            Bucket=BUCKET, Key="k", UploadId=upload, MultipartUpload={"Part": [{"PartNumber": 1, "ETag": etag}]}
        ),
    )
    for act in acts:
        with pytest.raises(CosServiceError) as e:
            act()
        assert (e.value.get_status_code(), e.value.get_error_code()) == (404, "NoSuchUpload")
    assert cos.body_files() == 0


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        ([(2, 0), (1, 0)], "InvalidPartOrder"),
        ([(1, 0), (1, 0)], "InvalidPartOrder"),
        ([(1, 1)], "InvalidPart"),
        ([(1, 0), (7, 0)], "InvalidPart"),
        ([], "InvalidPart"),
        ([(1, 0), (2, 1)], "EntityTooSmall"),
    ],
)
def test_wrong_list_of_parts_is_refused_and_the_upload_stays(
    cos: CosServer, chosen: list[tuple[int, int]], code: str
) -> None:
    client = cos.clients.path_style()
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
    etags = [
        client.upload_part(Bucket=BUCKET, Key="k", Body=body, PartNumber=n, UploadId=upload)["ETag"]
        for n, body in ((1, b"one"), (2, b"two"))
    ]
    wanted = {"Part": [{"PartNumber": number, "ETag": etags[index]} for number, index in chosen]}
    with pytest.raises(CosServiceError) as e:
        client.complete_multipart_upload(Bucket=BUCKET, Key="k", UploadId=upload, MultipartUpload=wanted)
    assert (e.value.get_status_code(), e.value.get_error_code()) == (400, code)
    assert len(client.list_parts(Bucket=BUCKET, Key="k", UploadId=upload)["Part"]) == 2
    assert not client.object_exists(Bucket=BUCKET, Key="k")


@pytest.mark.parametrize("number", [0, 10001, "x", ""])
def test_part_number_out_of_range_is_refused(cos: CosServer, number: object) -> None:
    client = cos.clients.path_style()
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
    with pytest.raises(CosServiceError) as e:
        client.upload_part(Bucket=BUCKET, Key="k", Body=b"x", PartNumber=str(number), UploadId=upload)
    assert e.value.get_error_code() == "InvalidArgument"


def test_parts_can_be_copied_from_an_object(cos: CosServer) -> None:
    client = cos.clients.path_style()
    body = os.urandom(2 * MB)
    client.put_object(Bucket=BUCKET, Key="source", Body=body)
    source = {"Bucket": BUCKET, "Key": "source", "Region": REGION}
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
    parts = []
    for number, part in ((1, ""), (2, "bytes=5-9")):
        done = client.upload_part_copy(
            Bucket=BUCKET, Key="k", PartNumber=number, UploadId=upload, CopySource=source, CopySourceRange=part
        )
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    client.complete_multipart_upload(Bucket=BUCKET, Key="k", UploadId=upload, MultipartUpload={"Part": parts})
    assert client.get_object(Bucket=BUCKET, Key="k")["Body"].get_raw_stream().read() == body + body[5:10]
