"""Kubernetes on one machine: an API server for what a Job needs, a Job controller, and a node that runs the pods."""
