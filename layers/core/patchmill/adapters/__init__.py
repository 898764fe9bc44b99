"""The functions' hands: MySQL, Redis, Kafka, COS and Kubernetes, each behind a small class with our own errors."""
