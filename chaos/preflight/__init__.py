"""Reads a stack's objects and lists the risks in them. It touches nothing, and judges nothing of a run.

One rule is one small function in the module of its topic; docs/preflight.md lists them all.
"""
