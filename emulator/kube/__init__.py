"""Kubernetes on one machine: an API server for what a Job needs, a Job controller, and a node that runs the pods.

Enforced as on a real cluster: RBAC for users with client certificates, ResourceQuota, LimitRange, PriorityClass, the
ServiceAccount a pod names, and pod-security.kubernetes.io/enforce=restricted of a namespace. Kept, checked and shown,
but without any effect: NetworkPolicy (pods share the machine's network), preemption (a higher priority only goes
first), tokens of ServiceAccounts (there are none; nothing is mounted into pods).
"""
