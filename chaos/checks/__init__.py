"""Judgements: each check is a pure function from a history and one of its steps to a `CheckResult`.

The rules are in docs/verdicts.md. No check raises, whatever the history holds.
"""
