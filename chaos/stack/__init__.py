"""The stack under test: site, database and files, made from a profile's manifests, installed and verified."""
