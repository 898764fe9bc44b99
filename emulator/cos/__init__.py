"""A file-backed stand-in for COS that cos-python-sdk-v5 and presigned URLs talk to.

What it does not do (ACLs, versions, tags, encryption, appending, form uploads, CORS, crc64 headers …) it refuses with
501 NotImplemented. Two limits of path-style addressing come from the SDK, not from here: a signature made for
`Domain="127.0.0.1:PORT/<bucket>"` names neither the port nor the bucket.
"""
