"""Packaging: what serverless.yml calls functions and layers in, reproducible zips for the platform out.

The road of one package (build.py): collect its files (sources.py; for a layer of wheels vendor.py and prune.py) →
compile them for Python 3.10 (bytecode.py) → write the zip (archive.py) → keep it by the digest of what it was made from
(cache.py). The same input gives the same bytes, in whatever folder and at whatever time.

Set-up imports this before any package is installed: nothing but the standard library at import.
"""

from deployer.packaging.build import build, build_for
from deployer.packaging.interpreters import find_python
from deployer.packaging.limits import check
from deployer.packaging.model import Package, PackagingError, Target

__all__ = ["Package", "PackagingError", "Target", "build", "build_for", "check", "find_python"]
