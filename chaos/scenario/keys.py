"""What each key of a scenario's or a suite's file means, as data. How it is read is in `spec`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """What may be written under a key and what it does; `unset` is what holds where it is left out, empty if needed."""

    about: str
    unset: str = ""

    @property
    def left_out(self) -> str:
        """What becomes of it when it is left out, in words."""
        return f"left out: {self.unset}" if self.unset else "needed"


@dataclass(frozen=True)
class Mapping:
    """One mapping of a file: `of` in words, its keys, and its place as `spec.keys_at` takes it."""

    of: str
    path: tuple[str | int, ...]
    keys: dict[str, Key]
    suite: bool = False


_VERSION = Key("`hachaos/v1`")
_NAME = Key("lower-case letters, digits and dashes, 63 at most, neither first nor last a dash; names the run's folder")
_CLAIM = Key("one line of text, 300 characters at most: the sentence that the run proves or refutes")
_PODS = "a whole number from 1 to 9: so many pods of it have to be ready"
_NO_LIMIT = "no limit: outages are only reported"
_BUDGET = "a duration: they were out for longer in all, over the whole run"

LIMITS = {
    "longest_outage": Key("a duration: the longest outage with which the step may pass", "no limit"),
    "p50": Key("a duration: half of the good answers have to come within it; at most the `deadline`", "no limit"),
    "p95": Key("a duration: 95 of 100 good answers have to come within it; at most the `deadline`", "no limit"),
    "p99": Key("a duration: 99 of 100 good answers have to come within it; at most the `deadline`", "no limit"),
    "may_stay_out": Key(
        "`true` where the step may end with them still out; a later step judges the whole outage, so the last step "
        "cannot have it",
        "false",
    ),
}
"""The limits of one kind of work in a step's `expect`."""

EXPECT = {
    "reads": Key("limits on reads through the Service", _NO_LIMIT),
    "writes": Key("limits on rows and posts", _NO_LIMIT),
    "uploads": Key(
        "limits on uploads, written and read; only with `uploads` or `file_reads` in the workload", _NO_LIMIT
    ),
    "clone": Key(
        "what the database pods have to do: `resume` or `re-clone`; only where the target is the database or part of "
        "it, and its pods are replaced",
        "either, as long as it is sound",
    ),
}

_WORKLOAD = {
    "reads": Key("rate of requests for the site's pages through its Service", "20/s"),
    "pod_reads": Key("rate of requests to each of the site's pods at its own address", "1/s"),
    "writes": Key("rate of rows written by SQL through the primary's Service", "10/s"),
    "posts": Key("rate of WordPress posts written through the site's Service", "1/s"),
    "uploads": Key(
        "rate of text files of 4 KiB, each with a token of its own, uploaded to WordPress through the site's Service; "
        "each pod has to serve them afterwards",
        "none",
    ),
    "file_reads": Key(
        "rate of requests to each of the site's pods for a static file, and for the seed picture on the shared files",
        "none",
    ),
    "deadline": Key("a duration: how long one request may take before it counts as timed out", "2s"),
    "connections": Key("of reads: `new`, or `kept` open as a browser's are", "new"),
}

_STEP = {
    "name": Key("one line of text, 300 characters at most, that no other step has"),
    "action": Key("one of the actions"),
    "target": Key("one of the targets that the action can have; of an action that breaks nothing it may be left out"),
    "parameters": Key("the action's parameters", "none"),
    "wait": Key("what has to come true after the fault", "as its keys are left out"),
    "expect": Key("the limits within which the step passes", "no limits"),
}

_HTTP = {
    "url": Key("an http or https URL, without a user or a password"),
    "every": Key("a duration: how long after one request the next one leaves", "15s"),
    "fails": Key("a whole number from 1 to 1000: so many in a row without a 2xx answer stop the run", "3"),
    "timeout": Key("a duration: how long an answer is waited for", "5s"),
}

_PROMETHEUS = {
    "url": Key("the server's http or https URL, without a user or a password; `/api/v1/query` is added"),
    "query": Key("one line of PromQL that gives a number or a vector"),
    "above": Key("a number: a value above it is too much; either this or `below`", "none"),
    "below": Key("a number: a value below it is too little; either this or `above`", "none"),
    "every": Key("a duration: how long after one query the next one leaves", "15s"),
    "for": Key("a duration: for how long any of the values has to be beyond the bound, `0s` for once", "0s"),
    "timeout": Key("a duration: how long an answer is waited for", "5s"),
    "missing": Key(
        "what a query without an answer does: `ignore` (it is noted in the journal) or `abort`",
        "ignore",
    ),
}

MAPPINGS = (
    Mapping(
        "a scenario",
        (),
        {
            "apiVersion": _VERSION,
            "name": _NAME,
            "claim": _CLAIM,
            "baseline": Key(
                "`stop` or `record`: what a stack that is not well before the first fault does. It stops the run, "
                "since nothing was broken by it; or it is written down, and every later finding says whether it was "
                "so before",
                "stop",
            ),
            "destructive": Key(
                "`true` in a scenario with a step that takes what nothing brings back, as `delete-volume` does and "
                "`scale` or `stop-service` where a StatefulSet has `whenScaled: Delete`; in no other",
                "false",
            ),
            "needs": Key("what there has to be before the first fault", "one of each"),
            "workload": Key("the work that goes on throughout", "as its keys are left out"),
            "abort": Key("when the run has to stop and to put everything back", "never, but by its end"),
            "steps": Key(
                "a list of 1 to 50 steps, carried out in their order; the first that does not recover ends the run"
            ),
        },
    ),
    Mapping(
        "needs",
        ("needs",),
        {
            "nodes": Key("a whole number from 1 to 9: so many nodes the cluster has to have", "1"),
            "database": Key(_PODS, "1"),
            "site": Key(_PODS, "1"),
            "files": Key(_PODS, "1"),
        },
    ),
    Mapping("workload", ("workload",), _WORKLOAD),
    Mapping("a step", ("steps", 0), _STEP),
    Mapping(
        "wait in a step",
        ("steps", 0, "wait"),
        {
            "for": Key(
                "one of the conditions",
                "the target's part of the stack is ready: `database/primary` gives `database/ready`",
            ),
            "timeout": Key(
                "a duration: how long to wait for it, and then again for reads, rows and posts to be answered without "
                "a break",
                "5m",
            ),
        },
    ),
    Mapping("expect in a step", ("steps", 0, "expect"), EXPECT),
    Mapping("reads, writes and uploads in expect", ("steps", 0, "expect", "reads"), LIMITS),
    Mapping(
        "abort",
        ("abort",),
        {
            "wall_time": Key("a duration: the whole run takes longer", "none"),
            "error_budget": Key("how long each kind of work may be out in all", "none"),
            "http": Key("a URL that has to be answered", "none"),
            "prometheus": Key("a query whose values have to stay within a bound", "none"),
        },
    ),
    Mapping(
        "error_budget in abort",
        ("abort", "error_budget"),
        {kind: Key(_BUDGET, "none") for kind in ("reads", "writes", "uploads")},
    ),
    Mapping("http in abort", ("abort", "http"), _HTTP),
    Mapping("prometheus in abort", ("abort", "prometheus"), _PROMETHEUS),
    Mapping(
        "a suite",
        (),
        {
            "apiVersion": _VERSION,
            "name": _NAME,
            "claim": _CLAIM,
            "budget": Key(
                "a duration: the time for all of them; what has not begun by then is not begun, and the verdict is "
                "`unknown`"
            ),
            "between": Key("a duration between two, `0s` for none", "10s"),
            "baseline": Key("`stop` or `record`, for all of them", "as each scenario has it"),
            "scenarios": Key(
                "a list of 1 to 50 files, their paths relative to the suite's own; each once, each within the suite's "
                "folder, none a suite"
            ),
        },
        suite=True,
    ),
)
"""Every mapping of a scenario's file, in the order in which they are met, and the suite's."""
