"""Who may: signatures made by the SDK pass, everything else is refused with COS's code and changes nothing."""

from __future__ import annotations

import time
from xml.etree import ElementTree

import httpx
import pytest
import requests
from qcloud_cos import CosServiceError

from emulator.credentials import Credential
from tests.support.cos import BUCKET, CosServer, sign


def code(response: requests.Response | httpx.Response) -> str:
    return ElementTree.fromstring(response.content).findtext("Code") or ""


@pytest.mark.parametrize("style", ["path_style", "host_style"])
def test_presigned_put_and_get_work_without_the_sdk(cos: CosServer, style: str) -> None:
    client = getattr(cos.clients, style)()
    proxy = f"http://127.0.0.1:{cos.port}" if style == "host_style" else None
    put = client.get_presigned_url(Bucket=BUCKET, Key="目录/a b+c", Method="PUT", Expired=60)
    get = client.get_presigned_url(Bucket=BUCKET, Key="目录/a b+c", Method="GET", Expired=60)
    with httpx.Client(proxy=proxy) as http:
        assert http.put(put, content=b"body").status_code == 200
        assert http.get(get).content == b"body"
    proxies = {"http": proxy} if proxy else None
    assert requests.put(put, data=b"", proxies=proxies).status_code == 200
    assert requests.get(get, proxies=proxies).content == b""


@pytest.mark.parametrize("style", ["path_style", "host_style"])
def test_role_works_with_its_token_in_header_or_signed_query(cos: CosServer, style: str) -> None:
    role = cos.credentials.role
    client = getattr(cos.clients, style)(credential=role)
    client.put_object(Bucket=BUCKET, Key="k", Body=b"body")
    proxies = {"http": f"http://127.0.0.1:{cos.port}"} if style == "host_style" else None
    token = {"x-cos-security-token": role.token}
    url = client.get_presigned_url(Bucket=BUCKET, Key="k", Method="GET", Params=token)
    assert requests.get(url, proxies=proxies).content == b"body"
    url = client.get_presigned_url(Bucket=BUCKET, Key="k", Method="GET", Headers=token)
    assert requests.get(url, proxies=proxies, headers=token).content == b"body"


def test_role_is_refused_without_its_token_or_with_another(cos: CosServer) -> None:
    role, user = cos.credentials.role, cos.credentials.user
    cos.clients.path_style().put_object(Bucket=BUCKET, Key="k", Body=b"body")
    for who in (
        Credential(role.secret_id, role.secret_key, None),
        Credential(role.secret_id, role.secret_key, "another"),
        Credential(user.secret_id, user.secret_key, role.token),
    ):
        client = cos.clients.path_style(credential=who)
        with pytest.raises(CosServiceError) as e:
            client.put_object(Bucket=BUCKET, Key="new", Body=b"x")
        assert (e.value.get_status_code(), e.value.get_error_code()) == (403, "AccessDenied")
    bare = cos.clients.path_style(credential=role).get_presigned_url(Bucket=BUCKET, Key="k", Method="GET")
    assert code(requests.get(bare)) == "AccessDenied"
    assert requests.get(bare, headers={"x-cos-security-token": role.token or ""}).status_code == 200
    url = cos.clients.path_style(credential=role).get_presigned_url(
        Bucket=BUCKET, Key="k", Method="GET", Params={"x-cos-security-token": role.token}
    )
    assert code(requests.get(url[:-1] + "_")) == "AccessDenied"
    assert not cos.clients.path_style().object_exists(Bucket=BUCKET, Key="new")


def test_wrong_secret_and_unknown_id_are_told_apart(cos: CosServer) -> None:
    user = cos.credentials.user
    for who, expected in (
        (Credential(user.secret_id, "x" * 32), "SignatureDoesNotMatch"),
        (Credential("AKID" + "x" * 32, user.secret_key), "InvalidAccessKeyId"),
    ):
        with pytest.raises(CosServiceError) as e:
            cos.clients.path_style(credential=who).put_object(Bucket=BUCKET, Key="k", Body=b"x")
        assert (e.value.get_status_code(), e.value.get_error_code()) == (403, expected)


def test_anonymous_request_is_denied(cos: CosServer) -> None:
    for method in ("GET", "PUT", "DELETE", "HEAD", "POST"):
        response = requests.request(method, f"http://127.0.0.1:{cos.port}/{BUCKET}/k", data=b"x")
        assert response.status_code == 403
        assert method == "HEAD" or code(response) == "AccessDenied"


def test_presigned_url_is_bound_to_method_key_parameters_and_headers(cos: CosServer) -> None:
    cos.clients.path_style().put_object(Bucket=BUCKET, Key="key", Body=b"body")
    get = cos.presigned("GET", "key", Params={"response-content-type": "text/plain"})
    assert requests.get(get).headers["Content-Type"] == "text/plain"
    assert code(requests.put(get, data=b"x")) == "SignatureDoesNotMatch"
    assert code(requests.delete(get)) == "SignatureDoesNotMatch"
    assert code(requests.get(get.replace("/key?", "/kez?"))) == "SignatureDoesNotMatch"
    assert code(requests.get(get.replace("text%2Fplain", "text%2Fhtml"))) == "SignatureDoesNotMatch"
    assert code(requests.get(get.replace("&response-content-type=text%2Fplain", ""))) == "SignatureDoesNotMatch"
    put = cos.presigned("PUT", "key", Headers={"Content-Type": "text/plain"})
    assert requests.put(put, data=b"new", headers={"Content-Type": "text/html"}).status_code == 403
    assert requests.put(put, data=b"new").status_code == 403
    assert requests.get(get).content == b"body"
    assert requests.put(put, data=b"new", headers={"Content-Type": "text/plain"}).status_code == 200


def test_every_field_of_a_signature_counts(cos: CosServer) -> None:
    url = f"http://127.0.0.1:{cos.port}/{BUCKET}/k"
    fields = sign(cos.credentials.user, "PUT", "/k", {"host": "127.0.0.1"})
    for name in fields:
        missing = {k: v for k, v in fields.items() if k != name}
        assert requests.put(url, data=b"x", params=missing).status_code == 403
        if name != "q-sign-algorithm":
            assert requests.put(url, data=b"x", params={**fields, name: fields[name] + "9é"}).status_code == 403
    assert code(requests.put(url, data=b"x", params={**fields, "q-sign-algorithm": "md5"})) == (
        "VerifyAlgorithmNotSupported"
    )
    assert not cos.clients.path_style().object_exists(Bucket=BUCKET, Key="k")
    assert requests.put(url, data=b"x", params=fields).status_code == 200


def test_signature_is_valid_in_its_window_only(cos: CosServer) -> None:
    url, now = f"http://127.0.0.1:{cos.port}/{BUCKET}/k", int(time.time())
    for window, expected in (((now - 90, now - 30), "AccessDenied"), ((now + 30, now + 90), "RequestTimeTooSkewed")):
        fields = sign(cos.credentials.user, "PUT", "/k", {"host": "127.0.0.1"}, window=window)
        response = requests.put(url, data=b"x", params=fields)
        assert (response.status_code, code(response)) == (403, expected)
        header = "&".join(f"{k}={v}" for k, v in fields.items())
        assert code(requests.put(url, data=b"x", headers={"Authorization": header})) == expected
    assert code(requests.get(cos.presigned("GET", "k", Expired=-1))) == "AccessDenied"


def test_sdk_that_is_given_an_address_and_port_works(cos: CosServer) -> None:
    client = cos.clients.by_address()
    client.put_object(Bucket=BUCKET, Key="a b", Body=b"body")
    assert client.get_object(Bucket=BUCKET, Key="a b")["Body"].get_raw_stream().read() == b"body"


def test_signature_of_another_bucket_is_refused_by_host_name(cos: CosServer) -> None:
    proxies = {"http": f"http://127.0.0.1:{cos.port}"}
    url = cos.clients.host_style().get_presigned_url(Bucket=BUCKET, Key="k", Method="PUT")
    other = url.replace(BUCKET, "logs-1250000000")
    assert code(requests.put(other, data=b"x", proxies=proxies)) == "SignatureDoesNotMatch"
    assert requests.put(url, data=b"x", proxies=proxies).status_code == 200


def test_refused_large_upload_is_answered_and_leaves_nothing(cos: CosServer) -> None:
    url = cos.presigned("GET", "k")
    response = requests.put(url, data=b"x" * (20 << 20))
    assert code(response) == "SignatureDoesNotMatch"
    assert cos.body_files() == 0
