"""Tencent Cloud's API 3.0 on one machine: signed requests in, the platform's answers or its errors out."""
