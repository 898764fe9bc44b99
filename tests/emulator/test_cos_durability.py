"""What was acknowledged is there after a restart and after SIGKILL; nothing else is, and nothing half."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
from qcloud_cos import CosClientError, CosS3Client

from emulator.cos.store import Store
from tests.support.cos import BUCKET, CosProcess, CosServer


@pytest.fixture
def cos(tmp_path: Path) -> Iterator[CosServer]:
    with closing(CosServer(tmp_path)) as server:
        server.clients.path_style().create_bucket(Bucket=BUCKET)
        yield server


def get(client: CosS3Client, key: str) -> tuple[bytes, dict[str, str]]:
    response = client.get_object(Bucket=BUCKET, Key=key)
    return response["Body"].get_raw_stream().read(), response


def test_everything_survives_a_restart(cos: CosServer) -> None:
    client = cos.clients.path_style()
    client.put_object(Bucket=BUCKET, Key="目录/a", Body=b"body", Metadata={"x-cos-meta-a": "1"})
    before = client.head_object(Bucket=BUCKET, Key="目录/a")
    url = cos.presigned("GET", "目录/a")
    cos.stop()
    cos.start()
    body, after = get(cos.clients.path_style(), "目录/a")
    assert body == b"body"
    for name in ("ETag", "Last-Modified", "Content-Type", "x-cos-meta-a"):
        assert after[name] == before[name]
    there = requests.get(url.replace(url.split("/")[2], f"127.0.0.1:{cos.port}"))  # the keys are the old ones too
    assert there.content == b"body"


def test_second_emulator_on_the_folder_is_refused(cos: CosServer) -> None:
    with pytest.raises(RuntimeError, match="another emulator"):
        Store(cos.root / "cos")


def overwrite(client: CosS3Client, key: str, done: dict[str, int]) -> None:
    """Put ever new versions of one object, until the server is gone; note the last one that was acknowledged."""
    for version in range(100_000):
        try:
            body = f"{version} ".encode() * (200_000 if version % 5 == 0 else 50)
            client.put_object(Bucket=BUCKET, Key=key, Body=body, Metadata={"x-cos-meta-version": str(version)})
        except CosClientError:
            return
        done[key] = version


@pytest.mark.parametrize("delay", [0.2, 0.35, 0.5])
def test_kill_leaves_acknowledged_objects_whole(tmp_path: Path, delay: float) -> None:
    server = CosProcess(tmp_path)
    server.clients.path_style().create_bucket(Bucket=BUCKET)
    done: dict[str, int] = {}
    keys = ["a", "b", "c"]
    writers = [threading.Thread(target=overwrite, args=(server.clients.path_style(), key, done)) for key in keys]
    for writer in writers:
        writer.start()
    time.sleep(delay)
    server.kill()
    for writer in writers:
        writer.join(10)
    with closing(CosServer(tmp_path)) as again:
        listed = again.clients.path_style().list_objects(Bucket=BUCKET)
        assert {o["Key"] for o in listed.get("Contents", [])} >= done.keys()
        for key in done:
            body, headers = get(again.clients.path_style(), key)
            version = int(headers["x-cos-meta-version"])
            assert version in (done[key], done[key] + 1)  # the last request may have been done but not answered
            assert set(body.split()) == {str(version).encode()}
            assert headers["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
        assert again.body_files() == len(listed.get("Contents", []))
    assert done


def test_upload_that_breaks_off_leaves_the_old_object(cos: CosServer) -> None:
    client = cos.clients.path_style()
    client.put_object(Bucket=BUCKET, Key="k", Body=b"old")
    target = cos.presigned("PUT", "k").split(str(cos.port), 1)[1]
    with socket.create_connection(("127.0.0.1", cos.port)) as connection:
        connection.sendall(f"PUT {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000\r\n\r\n".encode())
        connection.sendall(b"n" * 4_000_000)
        wait_until(lambda: cos.body_files() == 2)
        assert get(client, "k")[0] == b"old"
    wait_until(lambda: cos.body_files() == 1)
    assert get(client, "k")[0] == b"old"


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_reader_finishes_the_version_it_began(cos: CosServer) -> None:
    client = cos.clients.path_style()
    old = os.urandom(8 << 20)
    client.put_object(Bucket=BUCKET, Key="k", Body=old)
    stream = client.get_object(Bucket=BUCKET, Key="k")["Body"].get_raw_stream()
    first = stream.read(100)
    client.put_object(Bucket=BUCKET, Key="k", Body=b"new")
    client.delete_object(Bucket=BUCKET, Key="k")
    assert first + stream.read() == old


def test_large_bodies_pass_without_filling_the_memory(tmp_path: Path) -> None:
    server = CosProcess(tmp_path)
    client = server.clients.path_style()
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="warm", Body=b"x")
    before = server.peak_memory()
    body = os.urandom(1 << 20) * 50
    client.put_object(Bucket=BUCKET, Key="big", Body=body)
    assert get(client, "big")[0] == body
    grown = server.peak_memory() - before
    server.kill()
    assert grown < 20 << 20


def test_parallel_writers_and_readers_see_whole_objects_only(cos: CosServer) -> None:
    client = cos.clients.path_style()
    client.put_object(Bucket=BUCKET, Key="k", Body=b"0" * 3_000_000)
    torn: list[str] = []

    def write(mark: bytes) -> None:
        for _ in range(5):
            client.put_object(Bucket=BUCKET, Key="k", Body=mark * 3_000_000)

    def read() -> None:
        for _ in range(10):
            body, headers = get(client, "k")
            if len(set(body)) != 1 or headers["ETag"] != f'"{hashlib.md5(body).hexdigest()}"':
                torn.append(headers["ETag"])

    threads = [threading.Thread(target=write, args=(mark,)) for mark in (b"1", b"2")]
    threads += [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert torn == []
    assert cos.body_files() == 1
