"""The events that the trigger of SCF gets: after the change is durable, before the answer."""

from __future__ import annotations

from emulator.cos.server import create_app
from emulator.events import ObjectEvent
from tests.support.cos import BUCKET, REGION, CosServer


def test_put_tells_everything_the_trigger_needs(cos: CosServer) -> None:
    put = cos.clients.path_style().put_object(
        Bucket=BUCKET, Key="drops/目录.zip", Body=b"body", ContentType="application/zip",
        Metadata={"x-cos-meta-prompt": "修复"},
    )  # fmt: skip
    (event,) = cos.events
    assert (event.bucket, event.key, event.name) == (BUCKET, "drops/目录.zip", "cos:ObjectCreated:Put")
    assert (event.size, event.source_ip) == (4, "127.0.0.1")
    assert event.headers == {
        "Content-Type": "application/zip",
        "x-cos-meta-prompt": "修复",
        "x-cos-request-id": put["x-cos-request-id"],
    }


def test_each_way_to_change_an_object_has_its_name(cos: CosServer) -> None:
    client = cos.clients.path_style()
    client.put_object(Bucket=BUCKET, Key="a", Body=b"body")
    client.copy_object(Bucket=BUCKET, Key="b", CopySource={"Bucket": BUCKET, "Key": "a", "Region": REGION})
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="c")["UploadId"]
    etag = client.upload_part(Bucket=BUCKET, Key="c", Body=b"xy", PartNumber=1, UploadId=upload)["ETag"]
    parts = {"Part": [{"PartNumber": 1, "ETag": etag}]}
    client.complete_multipart_upload(Bucket=BUCKET, Key="c", UploadId=upload, MultipartUpload=parts)
    client.delete_object(Bucket=BUCKET, Key="a")
    client.delete_objects(Bucket=BUCKET, Delete={"Object": [{"Key": "b"}, {"Key": "missing"}]})
    assert [(event.name.removeprefix("cos:Object"), event.key, event.size) for event in cos.events] == [
        ("Created:Put", "a", 4),
        ("Created:Copy", "b", 4),
        ("Created:CompleteMultipartUpload", "c", 2),
        ("Remove:Delete", "a", 4),
        ("Remove:Delete", "b", 4),
    ]


def test_nothing_is_told_of_what_changed_nothing(cos: CosServer) -> None:
    client = cos.clients.path_style()
    client.delete_object(Bucket=BUCKET, Key="missing")
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="c")["UploadId"]
    client.abort_multipart_upload(Bucket=BUCKET, Key="c", UploadId=upload)
    client.list_objects(Bucket=BUCKET)
    assert cos.events == []


def test_object_is_there_when_its_event_is_told_and_a_lost_event_is_no_success(cos: CosServer) -> None:
    seen: list[int] = []

    def tell(event: ObjectEvent) -> None:
        seen.append(cos.store.head(event.bucket, event.key).size)
        raise OSError("no room for the event")

    with cos.serving(create_app(cos.store, cos.credentials, tell)) as clients:
        response = clients.session.put(
            clients.path_style().get_presigned_url(Bucket=BUCKET, Key="k", Method="PUT"), data=b"body"
        )
    assert (response.status_code, b"ServiceUnavailable" in response.content, seen) == (503, True, [4])
