"""A bucket's configuration, by the vendor's SDK: what was put is what is got, and what is absent has its own code."""

from __future__ import annotations

from typing import Any

import pytest
from qcloud_cos import CosS3Client, CosServiceError

from emulator.cos import lifecycle, uploads
from tests.support.cos import BUCKET, CosServer

LIFECYCLE: dict[str, Any] = {
    "Rule": [
        {
            "ID": "old",
            "Filter": {"Prefix": "tmp/"},
            "Status": "Enabled",
            "Expiration": {"Days": "7"},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": "1"},
        }
    ]
}
CORS: dict[str, Any] = {
    "CORSRule": [
        {
            "ID": "console",
            "AllowedOrigin": ["https://*.example.com"],
            "AllowedMethod": ["GET", "PUT"],
            "AllowedHeader": ["*"],
            "ExposeHeader": ["ETag"],
            "MaxAgeSeconds": "600",
        }
    ]
}
TAGS: dict[str, Any] = {"TagSet": {"Tag": [{"Key": "managed-by", "Value": "patchmill-deploy"}]}}
ENCRYPTION: dict[str, Any] = {"Rule": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
KINDS = {
    "lifecycle": ("LifecycleConfiguration", LIFECYCLE, "NoSuchLifecycleConfiguration"),
    "cors": ("CORSConfiguration", CORS, "NoSuchCORSConfiguration"),
    "tagging": ("Tagging", TAGS, "NoSuchTagSet"),
    "encryption": ("ServerSideEncryptionConfiguration", ENCRYPTION, "NoSuchEncryptionConfiguration"),
}


def put(client: CosS3Client, name: str, value: dict[str, Any]) -> None:
    getattr(client, f"put_bucket_{name}")(Bucket=BUCKET, **{KINDS[name][0]: value})


def code(error: pytest.ExceptionInfo[CosServiceError]) -> tuple[int, str]:
    return error.value.get_status_code(), error.value.get_error_code()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("style", ["path_style", "host_style"])
def test_configuration_is_put_got_and_deleted(cos: CosServer, name: str, style: str) -> None:
    client = getattr(cos.clients, style)()
    get, delete = getattr(client, f"get_bucket_{name}"), getattr(client, f"delete_bucket_{name}")
    with pytest.raises(CosServiceError) as absent:
        get(Bucket=BUCKET)
    assert code(absent) == (404, KINDS[name][2])
    put(client, name, KINDS[name][1])
    found = get(Bucket=BUCKET)
    assert found == ({**TAGS, "TagSet": {"Tag": TAGS["TagSet"]["Tag"]}} if name == "tagging" else KINDS[name][1])
    delete(Bucket=BUCKET)
    delete(Bucket=BUCKET)
    with pytest.raises(CosServiceError) as gone:
        get(Bucket=BUCKET)
    assert code(gone) == (404, KINDS[name][2])


@pytest.mark.parametrize("name", KINDS)
def test_configuration_of_a_missing_bucket_is_refused(cos: CosServer, name: str) -> None:
    client = cos.clients.host_style()
    with pytest.raises(CosServiceError) as e:
        getattr(client, f"put_bucket_{name}")("missing-1250000000", KINDS[name][1])
    assert code(e) == (404, "NoSuchBucket")


def test_configuration_survives_a_restart_and_ends_with_the_bucket(cos: CosServer) -> None:
    put(cos.clients.path_style(), "tagging", TAGS)
    cos.stop()
    cos.start()
    client = cos.clients.path_style()
    assert client.get_bucket_tagging(Bucket=BUCKET) == TAGS
    client.delete_bucket(Bucket=BUCKET)
    client.create_bucket(Bucket=BUCKET)
    with pytest.raises(CosServiceError) as e:
        client.get_bucket_tagging(Bucket=BUCKET)
    assert code(e) == (404, "NoSuchTagSet")


def test_bucket_is_made_with_its_tags(cos: CosServer) -> None:
    client = cos.clients.host_style()
    client.create_bucket(Bucket="tagged-1250000000", ACL="private", Tagging="managed-by=patchmill-deploy&stage=a%20b")
    found = client.get_bucket_tagging(Bucket="tagged-1250000000")["TagSet"]["Tag"]
    assert found == [
        {"Key": "managed-by", "Value": "patchmill-deploy"},
        {"Key": "stage", "Value": "a b"},
    ]


def changed(base: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The only rule of a document, with other fields; None takes one away."""
    [(list_name, [rule])] = base.items()
    return {list_name: [{key: value for key, value in {**rule, **fields}.items() if value is not None}]}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("lifecycle", {"Rule": LIFECYCLE["Rule"] * 2}, "InvalidArgument"),
        ("lifecycle", changed(LIFECYCLE, Status="On"), "MalformedXML"),
        ("lifecycle", changed(LIFECYCLE, Filter=None), "MalformedXML"),
        ("lifecycle", changed(LIFECYCLE, Expire={"Days": "1"}), "MalformedXML"),
        ("lifecycle", changed(LIFECYCLE, Expiration={"Days": "0"}), "InvalidArgument"),
        ("lifecycle", changed(LIFECYCLE, Expiration={"Date": "2027-01-01T00:00:00+08:00"}), "NotImplemented"),
        ("lifecycle", changed(LIFECYCLE, Transition={"Days": "1", "StorageClass": "ARCHIVE"}), "NotImplemented"),
        ("lifecycle", changed(LIFECYCLE, Expiration=None, AbortIncompleteMultipartUpload=None), "MalformedXML"),
        ("cors", changed(CORS, AllowedOrigin=["example.com"]), "InvalidArgument"),
        ("cors", changed(CORS, AllowedMethod=["PATCH"]), "InvalidArgument"),
        ("cors", changed(CORS, AllowedMethod=None), "MalformedXML"),
        ("cors", changed(CORS, MaxAgeSeconds="long"), "InvalidArgument"),
        ("tagging", {"TagSet": {"Tag": [{"Key": "a", "Value": "b"}] * 2}}, "InvalidTag"),
        ("tagging", {"TagSet": {"Tag": [{"Key": "k" * 128, "Value": ""}]}}, "InvalidTag"),
        ("encryption", {"Rule": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "KMS"}}]}, "NotImplemented"),
        (
            "encryption",
            {"Rule": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "ROT13"}}]},
            "InvalidArgument",
        ),
        ("encryption", {"Rule": []}, "MalformedXML"),
    ],
)
def test_bad_configuration_is_refused_and_the_old_one_stays(
    cos: CosServer, name: str, value: dict[str, Any], expected: str
) -> None:
    client = cos.clients.path_style()
    put(client, name, KINDS[name][1])
    before = getattr(client, f"get_bucket_{name}")(Bucket=BUCKET)
    with pytest.raises(CosServiceError) as e:
        put(client, name, value)
    assert e.value.get_error_code() == expected
    assert getattr(client, f"get_bucket_{name}")(Bucket=BUCKET) == before


def test_acl_is_private_and_nothing_else(cos: CosServer) -> None:
    client = cos.clients.path_style()
    client.put_bucket_acl(Bucket=BUCKET, ACL="private")
    found = client.get_bucket_acl(Bucket=BUCKET)
    assert found["CannedACL"] == "private"
    assert [grant["Permission"] for grant in found["AccessControlList"]["Grant"]] == ["FULL_CONTROL"]
    reader = {"Grantee": {"ID": "qcs::cam::uin/1:uin/1"}, "Permission": "READ"}
    policy = {"Owner": {"ID": "1250000000"}, "AccessControlList": {"Grant": [reader]}}
    for how in ({"ACL": "public-read"}, {"AccessControlPolicy": policy}, {"GrantRead": 'id="1"'}):
        with pytest.raises(CosServiceError) as e:
            client.put_bucket_acl(Bucket=BUCKET, **how)
        assert code(e) == (501, "NotImplemented")


def test_expired_objects_and_abandoned_uploads_go(cos: CosServer) -> None:
    client = cos.clients.path_style()
    put(client, "lifecycle", LIFECYCLE)
    for key in ("tmp/a", "kept/a"):
        client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    client.create_multipart_upload(Bucket=BUCKET, Key="tmp/part")
    client.create_multipart_upload(Bucket=BUCKET, Key="kept/part")
    now = cos.store.head(BUCKET, "tmp/a").modified
    day = 86_400_000
    assert lifecycle.expire(cos.store, now) == []
    assert lifecycle.expire(cos.store, now + 2 * day) == [(BUCKET, "tmp/part")]
    assert lifecycle.expire(cos.store, now + 8 * day) == [(BUCKET, "tmp/a")]
    assert [entry["Key"] for entry in client.list_objects(Bucket=BUCKET)["Contents"]] == ["kept/a"]
    left, _ = uploads.unfinished(cos.store, BUCKET, "", ("", ""), 10)
    assert [upload.key for upload in left] == ["kept/part"]


def test_bucket_that_holds_something_is_not_deleted(cos: CosServer) -> None:
    client = cos.clients.path_style()
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="k")["UploadId"]
    with pytest.raises(CosServiceError) as e:
        client.delete_bucket(Bucket=BUCKET)
    assert code(e) == (409, "BucketNotEmpty")
    listed = client.list_multipart_uploads(Bucket=BUCKET)["Upload"]
    assert [(found["Key"], found["UploadId"]) for found in listed] == [("k", upload)]
    client.abort_multipart_upload(Bucket=BUCKET, Key="k", UploadId=upload)
    client.delete_bucket(Bucket=BUCKET)
    assert not client.bucket_exists(Bucket=BUCKET)


def test_store_tells_the_file_of_an_object(cos: CosServer) -> None:
    cos.clients.path_style().put_object(Bucket=BUCKET, Key="code.zip", Body=b"zip")
    path = cos.store.path(BUCKET, "code.zip")
    assert path is not None
    assert path.read_bytes() == b"zip"
    assert cos.store.path(BUCKET, "none") is None
    assert cos.store.path("missing-1250000000", "code.zip") is None
