"""Whether packages fit, before anything is sent.

The platform's own limits refuse a package. The project's are tighter, because every megabyte is paid at cold start;
`python -m deployer.packaging` and the tests hold to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from deployer.packaging.model import Package, PackagingError

MB = 1_000_000
CODE_AND_LAYERS_BYTES = 500 * 1024**2
"""Code and bound layers of one function, unpacked (cloud.tencent.com/document/product/583/11637, 2025-03-24)."""
REQUEST_ZIP_BYTES = 50 * 1024**2
"""Code.ZipFile of one request, base64; what is larger goes through COS (CreateFunction in the SDK)."""
LAYERS_OF_A_FUNCTION = 5
"""Bound layers (cloud.tencent.com/document/product/583/11637, 2025-03-24)."""
OUR_FUNCTION_ZIP_BYTES = 200_000
OUR_LAYERS_BYTES = 45 * MB


def check(packages: Mapping[str, Package], layers: Mapping[str, Sequence[str]]) -> None:
    """`layers`: function → keys of its layers. Raises PackagingError for each limit of the platform that is broken."""
    problems = []
    for function, bound in layers.items():
        parts = [packages[f"function/{function}"], *(packages[f"layer/{name}"] for name in bound)]
        size = sum(part.unpacked_bytes for part in parts)
        if size > CODE_AND_LAYERS_BYTES:
            problems.append(
                f"{function} and its layers are {size / MB:.0f} MB unpacked; the platform takes "
                f"{CODE_AND_LAYERS_BYTES / MB:.0f} MB."
            )
        if len(bound) > LAYERS_OF_A_FUNCTION:
            problems.append(f"{function} has {len(bound)} layers; the platform binds {LAYERS_OF_A_FUNCTION} at most.")
    if problems:
        raise PackagingError("\n".join(problems))


def over_budget(packages: Iterable[Package]) -> list[str]:
    """A sentence for each of the project's own limits that is broken."""
    packages = list(packages)
    said = [
        f"{package.id} is {package.zip_bytes / 1000:.0f} KB zipped; {OUR_FUNCTION_ZIP_BYTES / 1000:.0f} KB are allowed"
        for package in packages
        if package.kind == "function" and package.zip_bytes >= OUR_FUNCTION_ZIP_BYTES
    ]
    size = sum(package.unpacked_bytes for package in packages if package.kind == "layer")
    if size >= OUR_LAYERS_BYTES:
        said.append(f"the layers are {size / MB:.1f} MB unpacked together; {OUR_LAYERS_BYTES / MB:.0f} MB are allowed")
    return said
