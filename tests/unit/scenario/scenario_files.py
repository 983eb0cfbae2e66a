"""A scenario that is right, for tests to spoil."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

RIGHT = """\
apiVersion: hachaos/v1
name: kill-master
claim: a failed master comes back by itself with its data
workload: {reads: 20/s, writes: 10/s, posts: 1/s, pod_reads: 1/s, deadline: 2s}
steps:
  - name: delete the master's pod
    action: delete-pod
    target: database/primary
    parameters: {grace: 0s}
    wait: {for: database/ready, timeout: 3m}
    expect:
      reads: {longest_outage: 30s}
      writes: {longest_outage: 1m}
      clone: resume
"""

Write = Callable[[str | bytes], Path]
