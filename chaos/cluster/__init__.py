"""The cluster that a run touches: the target, its API, commands in pods; `local/` is the embedded one."""
