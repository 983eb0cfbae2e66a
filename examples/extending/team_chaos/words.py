"""The words that a scenario may use for it. Imports nothing but their shapes: `validate` reads this and no code."""

from __future__ import annotations

from chaos.scenario.words import ActionWords, Parameter

ACTIONS = {
    "quarantine-pod": ActionWords(
        about="takes pods out of the site without ending them, as one does to look at a sick one",
        targets=("site",),
        parameters={
            "count": Parameter(
                key="count", kind="count", lowest=1, highest=9, about="how many, all at once", unset="one"
            ),
        },
        undo="the pods that were taken out are deleted; at the end as many as before have to be ready",
        example="""
- name: take a pod out of the site
  action: quarantine-pod
  target: site
  expect:
    reads: {longest_outage: 10s}
    capacity: 2
""",
    ),
}
CHECKS = {"capacity": "at every moment of the step as many site pods were ready as `expect` wants"}
LIMITS = {
    "capacity": Parameter(
        key="capacity",
        kind="count",
        lowest=1,
        highest=9,
        about="how many site pods have to be ready at every moment of the step",
        unset="not judged",
    ),
}
