"""How a package gets to the platform: in the request while it is small, through a COS bucket when it is large.

In: a Package. Out: the API's Code structure; what was put into the bucket is taken away again.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from deployer.context import Context, DeployError
from deployer.errors import CloudError
from deployer.packaging import Package


@contextmanager
def content(context: Context, package: Package) -> Iterator[dict[str, Any]]:
    """The Code or Content structure. Keep it open until the platform has read the package (the state is Active)."""
    if package.zip_bytes <= context.inline_bytes:
        yield {"ZipFile": base64.b64encode(package.zip.read_bytes()).decode()}
        return
    bucket, _ = place(context)
    key = key_of(context, package)
    store = context.cloud.cos(bucket)
    context.progress(f"upload {package.kind}/{package.name} ({package.zip_bytes / 1e6:.1f} MB) to {bucket}/{key} …")
    with package.zip.open("rb") as body:
        store.put_object(Key=key, Body=body)
    try:
        yield {"CosBucketName": bucket.rsplit("-", 1)[0], "CosObjectName": f"/{key}"}
    except BaseException:
        with suppress(CloudError):  # what went wrong before is what has to be told; a later apply sweeps it away
            store.delete_object(Key=key)
        raise
    store.delete_object(Key=key)


def place(context: Context) -> tuple[str, str]:
    """(bucket, beginning of the keys of this stage's packages). Raises DeployError when none is declared."""
    declaration = context.declaration
    if declaration.packages is None:
        raise DeployError(
            f"A package has more than {context.inline_bytes / 1e6:g} MB and goes through COS: declare "
            "resources.packages {bucket, prefix} in serverless.yml."
        )
    prefix = f"{declaration.packages.prefix}{declaration.service}-{declaration.stage}-"
    return declaration.buckets[declaration.packages.bucket].name, prefix


def key_of(context: Context, package: Package) -> str:
    return f"{place(context)[1]}{package.kind}-{package.name}-{package.digest[:16]}.zip"
