"""Kubernetes: how a cluster is asked, what it is told, and what comes back.

`connection` alone knows the Python client; `api` speaks to one API server; everything else knows objects.
"""
