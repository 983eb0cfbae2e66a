"""D7 as users meet it: an answer that is WordPress's installer fails the step in which it was asked for, no other."""

from __future__ import annotations

from typing import Any

from examples import examples
from histories import END, story
from hypothesis import given
from hypothesis import strategies as st

from chaos.checks import continuity
from chaos.history import History, Read, Record, Write

GROUPS = ("reads", "writes", "uploads")


def answered(at: float, what: str, reason: str) -> Record:
    """One more request that was answered badly."""
    if what in ("page of a pod", "page"):
        return Read("site-a" if what != "page" else "service", at, at, at + 0.5, False, reason, 302)
    return Write(what, "more", 9000, f"more-{what}-{at}", at, at, at + 0.5, "fail", reason)


asked = st.tuples(
    st.floats(-5.0, END + 5.0),
    st.sampled_from(["page", "page of a pod", "post", "upload"]),
    st.sampled_from(["install-page", "database-error", "status", "refused"]),
)


@examples
@given(st.lists(asked, max_size=3, unique=True), st.sets(st.sampled_from(GROUPS)))
def test_an_installer_that_is_offered_within_the_step_is_a_finding_whatever_may_stay_out(
    more: list[tuple[float, str, str]], out: set[str]
) -> None:
    expect: dict[str, Any] = {group: {"may_stay_out": True} for group in out}
    history = History([*story(expect=expect), *(answered(*one) for one in more)])
    step = history.steps[0]
    found = continuity.check(history, step)
    offered = any(reason == "install-page" and 0.0 <= at <= END for at, _, reason in more)
    assert ("install-offered:site" in {one["key"] for one in found.figures.get("findings", ())}) is offered
