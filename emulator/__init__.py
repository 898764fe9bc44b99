"""Tencent Cloud on one machine: what Patchmill's functions and clients talk to when there is no cloud account.

Knows nothing of the functions' own code: it runs what serverless.yml declares.
"""
