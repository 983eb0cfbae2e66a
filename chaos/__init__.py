"""hachaos: chaos and resilience tests for a WordPress + MySQL + NFS stack on Kubernetes, judged by evidence."""

__version__ = "0.1.0"
