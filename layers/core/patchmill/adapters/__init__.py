"""The functions' hands: MySQL, Redis, Kafka, COS, Kubernetes and Tencent's API, each behind a small class with our own
errors.
"""
