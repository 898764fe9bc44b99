"""The Code of a function or the Content of a layer in, the unpacked package out."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Any

from emulator.api.action import ApiError
from emulator.scf import limits
from emulator.scf.packages import Package, PackageError
from emulator.scf.platform import Platform

_COS = {"CosBucketName", "CosObjectName", "CosBucketRegion"}


async def package(
    platform: Platform, code: dict[str, Any], about: str, zip_bytes: int = limits.ZIP_FILE_BYTES
) -> Package:
    """Raises ApiError; `about` (ZipFile or Content) is the end of the code for a ZIP that cannot be used."""
    given = {key: value for key, value in code.items() if value not in (None, "")}
    if unknown := sorted(set(given) - _COS - {"ZipFile"}):
        raise ApiError("InvalidParameterValue.CodeSource", f"{', '.join(unknown)}: only ZipFile and COS are supported.")
    if ("ZipFile" in given) == bool(_COS & set(given)):
        raise ApiError(
            "InvalidParameterValue.Code", "Either ZipFile, or CosBucketName and CosObjectName must be given."
        )
    data = _decoded(given["ZipFile"], zip_bytes) if "ZipFile" in given else await _from_cos(platform, given)
    try:
        return await asyncio.to_thread(platform.packages.store, data)
    except PackageError as error:
        raise ApiError(f"InvalidParameterValue.{about}", f"The ZIP cannot be used: {error}.") from None


def _decoded(text: str, most: int) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ApiError("InvalidParameterValue.ZipFileBase64BinasciiError", "ZipFile is no Base64.") from None
    if len(data) > most:
        text = f"ZipFile has {len(data)} bytes; {most} is the most. Take CosBucketName and CosObjectName."
        raise ApiError("InvalidParameterValue.ZipFile", text)
    return data


async def _from_cos(platform: Platform, given: dict[str, Any]) -> bytes:
    if not {"CosBucketName", "CosObjectName"} <= set(given):
        raise ApiError("InvalidParameterValue.Code", "CosBucketName and CosObjectName belong together.")
    bucket, key = given["CosBucketName"], given["CosObjectName"]
    if given.get("CosBucketRegion", platform.site.region) != platform.site.region:
        raise ApiError("InvalidParameterValue.CosBucketRegion", "The bucket must be in the function's region.")
    if bucket.endswith(f"-{platform.site.app_id}"):
        raise ApiError("InvalidParameterValue.CosBucketName", "CosBucketName is the bucket's name without its appid.")
    if not key.startswith("/"):
        raise ApiError("InvalidParameterValue.CosObjectName", "CosObjectName starts with /.")
    try:
        return await asyncio.to_thread(_read, platform, f"{bucket}-{platform.site.app_id}", key[1:])
    except OSError as error:
        raise ApiError("FailedOperation.Cos", f"The object {key} of {bucket} cannot be read.") from error


def _read(platform: Platform, bucket: str, key: str) -> bytes:
    """Blocks. Raises ApiError, OSError."""
    place = platform.read_object(bucket, key)
    if place is None:
        raise ApiError("ResourceNotFound.CosObject", f"There is no object /{key} in {bucket}.")
    if place.stat().st_size > limits.CODE_BYTES:  # more than it may have unpacked
        raise ApiError("LimitExceeded.Quota", f"The object /{key} has more than {limits.CODE_BYTES} bytes.")
    return place.read_bytes()
