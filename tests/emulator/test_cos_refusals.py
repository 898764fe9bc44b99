"""What the stand-in does not know it refuses, in COS's XML, and nothing has changed afterwards."""

from __future__ import annotations

import hashlib
import http.client
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from xml.etree import ElementTree

import pytest
import requests
from qcloud_cos import CosServiceError

from tests.support.cos import BUCKET, REGION, CosServer, sign


def ask(
    cos: CosServer, method: str, path: str = "/k", params: dict[str, str] | None = None, data: bytes = b"",
    headers: dict[str, str] | None = None,
) -> requests.Response:  # fmt: skip
    """A correctly signed request that the SDK would not make."""
    fields = sign(cos.credentials.user, method, path, {"host": "127.0.0.1"}, params)
    url = f"http://127.0.0.1:{cos.port}/{BUCKET}{path}"
    return requests.request(method, url, params={**(params or {}), **fields}, data=data, headers=headers)


def code(response: requests.Response) -> str:
    return ElementTree.fromstring(response.content).findtext("Code") or ""


def test_error_document_has_all_its_parts(cos: CosServer) -> None:
    with pytest.raises(CosServiceError) as e:
        cos.clients.path_style().get_object(Bucket=BUCKET, Key="目录/missing")
    assert e.value.get_status_code() == 404
    assert e.value.get_error_code() == "NoSuchKey"
    assert e.value.get_resource_location().startswith(f"{BUCKET}.cos.{REGION}.myqcloud.com/")
    response = ask(cos, "GET")
    document = ElementTree.fromstring(response.content)
    assert [node.tag for node in document] == ["Code", "Message", "Resource", "RequestId", "TraceId"]
    assert all(node.text for node in document)
    assert response.headers["Content-Type"] == "application/xml"
    assert response.headers["x-cos-request-id"] == document.findtext("RequestId")
    assert response.headers["x-cos-trace-id"] == document.findtext("TraceId")


def test_missing_object_is_told_by_head(cos: CosServer) -> None:
    with pytest.raises(CosServiceError) as e:
        cos.clients.path_style().head_object(Bucket=BUCKET, Key="missing")
    assert (e.value.get_status_code(), e.value.get_error_code()) == (404, "NoSuchResource")


def test_missing_bucket_is_refused_by_every_call(cos: CosServer) -> None:
    client = cos.clients.host_style()
    bucket = "missing-1250000000"
    acts: tuple[Callable[[], object], ...] = (
        lambda: client.put_object(Bucket=bucket, Key="k", Body=b"x"),
        lambda: client.get_object(Bucket=bucket, Key="k"),
        lambda: client.delete_object(Bucket=bucket, Key="k"),
        lambda: client.delete_objects(Bucket=bucket, Delete={"Object": [{"Key": "k"}]}),
        lambda: client.list_objects(Bucket=bucket),
        lambda: client.list_multipart_uploads(Bucket=bucket),
        lambda: client.create_multipart_upload(Bucket=bucket, Key="k"),
        lambda: client.delete_bucket(Bucket=bucket),
        lambda: client.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": BUCKET, "Key": "k", "Region": REGION}),
    )
    client.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    for act in acts:
        with pytest.raises(CosServiceError) as e:
            act()
        assert (e.value.get_status_code(), e.value.get_error_code()) == (404, "NoSuchBucket")
    assert cos.body_files() == 1


@pytest.mark.parametrize("bucket", ["UPPER-1250000000", "noappid", "a_b-1250000000", "-1250000000"])
def test_bucket_of_another_form_is_not_made(cos: CosServer, bucket: str) -> None:
    with pytest.raises(CosServiceError) as e:
        cos.clients.path_style(bucket).create_bucket(Bucket=BUCKET)
    assert e.value.get_error_code() == "InvalidBucketName"


def test_host_of_another_region_has_no_buckets(cos: CosServer) -> None:
    url = cos.clients.host_style().get_presigned_url(Bucket=BUCKET, Key="k", Method="PUT")
    proxies = {"http": f"http://127.0.0.1:{cos.port}"}
    response = requests.put(url.replace(REGION, "ap-beijing"), data=b"x", proxies=proxies)
    assert code(response) == "NoSuchBucket"


SUBRESOURCES = ["tagging", "acl", "append", "restore", "versionId", "ci-process", "torrent", "uploadId2", "partNumber"]


@pytest.mark.parametrize("name", SUBRESOURCES)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "HEAD"])
def test_unknown_subresource_of_an_object_changes_nothing(cos: CosServer, method: str, name: str) -> None:
    client = cos.clients.path_style()
    client.put_object(Bucket=BUCKET, Key="k", Body=b"body")
    cos.events.clear()
    response = ask(cos, method, params={name: ""}, data=b"<Tagging/>")
    assert response.status_code == 501
    assert method == "HEAD" or code(response) == "NotImplemented"
    assert client.get_object(Bucket=BUCKET, Key="k")["Body"].get_raw_stream().read() == b"body"
    assert (len(client.list_objects(Bucket=BUCKET)["Contents"]), cos.body_files(), cos.events) == (1, 1, [])


@pytest.mark.parametrize("name", ["versioning", "policy", "website", "versions", "inventory", "replication", "sts"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "HEAD"])
def test_unknown_subresource_of_a_bucket_changes_nothing(cos: CosServer, method: str, name: str) -> None:
    assert ask(cos, method, "/", {name: ""}, b"<X/>").status_code == 501
    assert cos.clients.path_style().bucket_exists(Bucket=BUCKET)


def test_tagging_by_the_sdk_is_refused_and_the_body_stays(cos: CosServer) -> None:
    client = cos.clients.path_style()
    client.put_object(Bucket=BUCKET, Key="k", Body=b"body")
    tags = {"TagSet": {"Tag": [{"Key": "a", "Value": "b"}]}}
    with pytest.raises(CosServiceError) as e:
        client.put_object_tagging(Bucket=BUCKET, Key="k", Tagging=tags)
    assert (e.value.get_status_code(), e.value.get_error_code()) == (501, "NotImplemented")
    assert client.get_object(Bucket=BUCKET, Key="k")["Body"].get_raw_stream().read() == b"body"


@pytest.mark.parametrize(
    "how",
    [
        {"ACL": "public-read"},
        {"Tagging": "a=b"},
        {"StorageClass": "ARCHIVE"},
        {"ServerSideEncryption": "AES256"},
        {"IfNoneMatch": "*"},
        {"PicOperations": "{}"},
    ],
)
def test_unknown_wish_of_a_put_is_refused(cos: CosServer, how: dict[str, str]) -> None:
    client = cos.clients.path_style()
    with pytest.raises(CosServiceError) as e:
        client.put_object(Bucket=BUCKET, Key="k", Body=b"x", **how)
    assert e.value.get_error_code() == "NotImplemented"
    assert not client.object_exists(Bucket=BUCKET, Key="k")


def test_body_must_match_its_md5(cos: CosServer) -> None:
    good = b64encode(hashlib.md5(b"body").digest()).decode()
    assert ask(cos, "PUT", data=b"body", headers={"Content-MD5": good}).status_code == 200
    assert code(ask(cos, "PUT", "/bad", data=b"tampered", headers={"Content-MD5": good})) == "BadDigest"
    assert code(ask(cos, "PUT", "/bad", data=b"body", headers={"Content-MD5": "no base64"})) == "InvalidDigest"
    assert code(ask(cos, "PUT", "/bad", data=b"body", headers={"Content-MD5": "YWJj"})) == "InvalidDigest"
    assert not cos.clients.path_style().object_exists(Bucket=BUCKET, Key="bad")
    assert cos.body_files() == 1


@pytest.mark.parametrize("body", [b"", b"no xml", b"<Other/>", b"<Delete/>", b"<Delete><Object/></Delete>",
                                  b"<!DOCTYPE x [<!ENTITY a 'b'>]><Delete/>"])  # fmt: skip
def test_malformed_list_of_keys_is_refused(cos: CosServer, body: bytes) -> None:
    assert code(ask(cos, "POST", "/", {"delete": ""}, body)) == "MalformedXML"


def test_large_document_and_large_metadata_are_refused(cos: CosServer) -> None:
    assert code(ask(cos, "POST", "/", {"delete": ""}, b" " * (3 << 20))) == "XMLSizeLimit"
    assert code(ask(cos, "PUT", data=b"x", headers={"x-cos-meta-a": "x" * 2048})) == "InvalidArgument"
    assert code(ask(cos, "PUT", "/" + "k" * 851, data=b"x")) == "KeyTooLong"


def raw(cos: CosServer, method: str, target: str, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", cos.port, timeout=5)
    with closing(connection):
        connection.putrequest(method, target)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.read()


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (f"/{BUCKET}/%ff", "InvalidURI"),
        (f"/{BUCKET}/a%0Ab", "InvalidObjectName"),
        (f"/{BUCKET}/a?x=%ff", "InvalidURI"),
        (f"/{BUCKET}/a?acl&acl", "InvalidURI"),
        ("/", "AccessDenied"),
        ("//", "AccessDenied"),
        ("/%00", "InvalidObjectName"),
    ],
)
def test_strange_target_is_refused_in_xml(cos: CosServer, target: str, code: str) -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "PATCH"):
        status, body = raw(cos, method, target, Content_Length="0")
        assert 400 <= status < 500
        assert f"<Code>{code}</Code>".encode() in body


def test_put_without_a_length_is_refused(cos: CosServer) -> None:
    fields = sign(cos.credentials.user, "PUT", "/k", {})
    status, body = raw(cos, "PUT", f"/{BUCKET}/k", Authorization="&".join(f"{k}={v}" for k, v in fields.items()))
    assert (status, b"MissingContentLength" in body) == (411, True)


def test_method_that_does_not_exist_is_refused(cos: CosServer) -> None:
    assert code(ask(cos, "PATCH", data=b"x")) == "MethodNotAllowed"


def test_response_header_cannot_be_smuggled_in(cos: CosServer) -> None:
    cos.clients.path_style().put_object(Bucket=BUCKET, Key="k", Body=b"x")
    response = ask(cos, "GET", params={"response-content-type": "text/plain\r\nSet-Cookie: a=b"})
    assert code(response) == "InvalidArgument"
