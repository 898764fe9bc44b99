"""A file-backed stand-in for COS that cos-python-sdk-v5, presigned URLs and browsers talk to.

Who may do what is asked of the account (CAM policies) at every request, presigned ones too. A bucket's configuration:
lifecycle (expiration by days and aborting abandoned uploads are executed when lifecycle.py is called; other acts are
refused), CORS (preflights are answered, answers carry the headers), tags, encryption (AES256: stored, the bytes on disk
are plain) and the ACL (private, nothing else).

What it does not do (public ACLs, bucket policies, versions, tags of objects, KMS, transitions to other storage classes,
appending, form uploads, crc64 headers …) it refuses with 501 NotImplemented. Two limits of path-style addressing come
from the SDK, not from here: a signature made for `Domain="127.0.0.1:PORT/<bucket>"` names neither the port nor the
bucket.
"""
