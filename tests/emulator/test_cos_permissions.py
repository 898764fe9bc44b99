"""What an identity may do is asked of the account at every request, with CAM's action and resource."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests
from qcloud_cos import CosS3Client, CosServiceError

from emulator.account import Account
from emulator.cos.server import create_app
from emulator.documents import Documents
from tests.support.cos import BUCKET, REGION, CosServer

HOME = f"qcs::cos:{REGION}:uid/1250000000:{BUCKET}"
PARTS = {"Part": [{"PartNumber": 1, "ETag": "e"}]}
TAGS = {"TagSet": {"Tag": [{"Key": "a", "Value": "b"}]}}

Act = Callable[[CosS3Client], object]
ACTS: list[tuple[str, str, Act]] = [
    ("GetService", "*", lambda c: c.list_buckets()),
    ("PutBucket", f"{HOME}/", lambda c: c.create_bucket(BUCKET)),
    ("HeadBucket", f"{HOME}/", lambda c: c.head_bucket(BUCKET)),
    ("GetBucket", f"{HOME}/", lambda c: c.list_objects(BUCKET, Prefix="a/")),
    ("DeleteBucket", f"{HOME}/", lambda c: c.delete_bucket(BUCKET)),
    ("DeleteMultipleObjects", f"{HOME}/", lambda c: c.delete_objects(BUCKET, Delete={"Object": [{"Key": "k"}]})),
    ("GetBucketACL", f"{HOME}/", lambda c: c.get_bucket_acl(BUCKET)),
    ("PutBucketACL", f"{HOME}/", lambda c: c.put_bucket_acl(BUCKET, ACL="private")),
    ("PutBucketTagging", f"{HOME}/", lambda c: c.put_bucket_tagging(BUCKET, TAGS)),
    ("GetBucketCORS", f"{HOME}/", lambda c: c.get_bucket_cors(BUCKET)),
    ("DeleteBucketLifecycle", f"{HOME}/", lambda c: c.delete_bucket_lifecycle(BUCKET)),
    ("GetBucketEncryption", f"{HOME}/", lambda c: c.get_bucket_encryption(BUCKET)),
    ("PutObject", f"{HOME}/a/b", lambda c: c.put_object(BUCKET, Key="a/b", Body=b"x")),
    ("GetObject", f"{HOME}/k", lambda c: c.get_object(BUCKET, Key="k")),
    ("HeadObject", f"{HOME}/k", lambda c: c.head_object(BUCKET, Key="k")),
    ("DeleteObject", f"{HOME}/k", lambda c: c.delete_object(BUCKET, Key="k")),
    ("InitiateMultipartUpload", f"{HOME}/k", lambda c: c.create_multipart_upload(BUCKET, Key="k")),
    ("UploadPart", f"{HOME}/k", lambda c: c.upload_part(BUCKET, Key="k", Body=b"", PartNumber=1, UploadId="u")),
    ("ListParts", f"{HOME}/k", lambda c: c.list_parts(BUCKET, Key="k", UploadId="u")),
    ("CompleteMultipartUpload", f"{HOME}/k", lambda c: c.complete_multipart_upload(BUCKET, "k", "u", PARTS)),
    ("AbortMultipartUpload", f"{HOME}/k", lambda c: c.abort_multipart_upload(BUCKET, Key="k", UploadId="u")),
    ("ListMultipartUploads", f"{HOME}/", lambda c: c.list_multipart_uploads(BUCKET)),
]


def told(act: Act, client: CosS3Client) -> tuple[int, str]:
    """Status and code; ("", 200) when it works."""
    try:
        act(client)
    except CosServiceError as e:
        return e.get_status_code(), e.get_error_code()
    return 200, ""


@pytest.mark.parametrize(("action", "resource", "act"), ACTS, ids=[action for action, *_ in ACTS])
def test_operation_needs_its_own_action_on_its_own_resource(
    cos: CosServer, action: str, resource: str, act: Act
) -> None:
    client = cos.clients.host_style(cos.credentials.role)
    cos.credentials.may = [(f"name/cos:{other}", "*") for other, *_ in ACTS if other != action]
    assert told(act, client)[0] == 403
    cos.credentials.may = [(f"name/cos:{action}", resource + "/other")]
    assert told(act, client)[0] == 403
    cos.credentials.may = [(f"name/cos:{action}", resource)]
    assert told(act, client)[0] != 403


def test_refusal_is_access_denied_and_changes_nothing(cos: CosServer) -> None:
    cos.credentials.may = [("name/cos:PutObject", f"{HOME}/mine/*")]
    client = cos.clients.path_style(credential=cos.credentials.role)
    client.put_object(BUCKET, Key="mine/k", Body=b"x")
    with pytest.raises(CosServiceError) as e:
        client.put_object(BUCKET, Key="theirs/k", Body=b"x")
    assert (e.value.get_status_code(), e.value.get_error_code()) == (403, "AccessDenied")
    assert not cos.clients.path_style().object_exists(BUCKET, Key="theirs/k")


def test_copy_also_needs_to_read_its_source(cos: CosServer) -> None:
    cos.clients.path_style().put_object(BUCKET, Key="from", Body=b"x")
    client = cos.clients.path_style(credential=cos.credentials.role)
    source = {"Bucket": BUCKET, "Key": "from", "Region": REGION}
    cos.credentials.may = [("name/cos:PutObject", "*")]
    assert told(lambda c: c.copy_object(BUCKET, "to", source), client) == (403, "AccessDenied")
    cos.credentials.may.append(("name/cos:GetObject", f"{HOME}/from"))
    assert told(lambda c: c.copy_object(BUCKET, "to", source), client)[0] == 200


def test_presigned_url_may_what_its_signer_may_now(cos: CosServer) -> None:
    cos.clients.path_style().put_object(BUCKET, Key="k", Body=b"body")
    role = cos.credentials.role
    url = cos.clients.path_style(credential=role).get_presigned_url(
        Bucket=BUCKET, Key="k", Method="GET", Params={"x-cos-security-token": role.token}
    )
    assert requests.get(url).content == b"body"
    cos.credentials.may = []
    refused = requests.get(url)
    assert (refused.status_code, "<Code>AccessDenied</Code>" in refused.text) == (403, True)


def test_keys_of_an_expired_session_are_refused(cos: CosServer) -> None:
    client = cos.clients.path_style(credential=cos.credentials.role)
    client.put_object(BUCKET, Key="k", Body=b"x")
    cos.credentials.role_expired = True
    with pytest.raises(CosServiceError) as e:
        client.get_object(BUCKET, Key="k")
    assert (e.value.get_status_code(), e.value.get_error_code()) == (403, "InvalidAccessKeyId")
    assert "expired" in e.value.get_error_msg()


def test_policies_of_the_emulators_account_count(cos: CosServer) -> None:
    account = Account(Documents(None), cos.credentials.user, app_id="1250000000", uin="100000000001")
    statement = {"effect": "allow", "action": ["name/cos:PutObject"], "resource": [f"{HOME}/mine/*"]}
    user = account.add_user("uploader", {"version": "2.0", "statement": [statement]})
    app = create_app(cos.store, account, cos.events.append, REGION)
    with cos.serving(app) as clients:
        client = clients.path_style(credential=user)
        assert told(lambda c: c.put_object(BUCKET, Key="mine/a", Body=b"x"), client) == (200, "")
        assert told(lambda c: c.put_object(BUCKET, Key="theirs/a", Body=b"x"), client) == (403, "AccessDenied")
        assert told(lambda c: c.get_object(BUCKET, Key="mine/a"), client) == (403, "AccessDenied")
