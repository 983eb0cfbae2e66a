"""The embedded cluster: real Kubernetes whose nodes are namespaces of this host."""
