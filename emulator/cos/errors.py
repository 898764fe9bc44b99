"""Refusals, in COS's words: a code in, the status and the XML document out."""

from __future__ import annotations

from emulator.cos.xml import document

# Codes and their statuses: https://cloud.tencent.com/document/product/436/7730
_STATUS = {
    "BadDigest": 400,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidCopySource": 400,
    "InvalidDelimiter": 400,
    "InvalidDigest": 400,
    "InvalidObjectName": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "InvalidRequest": 400,
    "InvalidTag": 400,
    "InvalidURI": 400,
    "KeyTooLong": 400,
    "MalformedXML": 400,
    "VerifyAlgorithmNotSupported": 400,
    "XMLSizeLimit": 400,
    "AccessDenied": 403,
    "AccessForbidden": 403,
    "InvalidAccessKeyId": 403,
    "RequestTimeTooSkewed": 403,
    "SignatureDoesNotMatch": 403,
    "NoSuchBucket": 404,
    "NoSuchCORSConfiguration": 404,
    "NoSuchCopySource": 404,
    "NoSuchEncryptionConfiguration": 404,
    "NoSuchKey": 404,
    "NoSuchLifecycleConfiguration": 404,
    "NoSuchTagSet": 404,
    "NoSuchUpload": 404,
    "MethodNotAllowed": 405,
    "BucketAlreadyOwnedByYou": 409,
    "BucketNotEmpty": 409,
    "MissingContentLength": 411,
    "PreconditionFailed": 412,
    "InvalidRange": 416,
    "NotImplemented": 501,
    "ServiceUnavailable": 503,
}


class CosError(Exception):
    """A request is refused. `code` is one of COS's error codes and decides the HTTP status."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, _STATUS[code]

    def xml(self, resource: str, request_id: str, trace_id: str) -> bytes:
        # The SDK gives up on a document in which one of the first four is missing or empty.
        return document(
            "Error",
            [
                ("Code", self.code),
                ("Message", self.message),
                ("Resource", resource),
                ("RequestId", request_id),
                ("TraceId", trace_id),
            ],
        )


def no_such_bucket() -> CosError:
    return CosError("NoSuchBucket", "The specified bucket does not exist.")


def no_such_key() -> CosError:
    return CosError("NoSuchKey", "The specified key does not exist.")


def no_such_upload() -> CosError:
    return CosError("NoSuchUpload", "The specified multipart upload does not exist, was aborted or is complete.")
