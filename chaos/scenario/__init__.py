"""Scenarios: what their YAML may say, and the plan that a run carries out."""
