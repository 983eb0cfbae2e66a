"""capacity counts the site pods that are ready from one change to the next."""

from __future__ import annotations

from team_chaos import capacity

from chaos.history import ApiServerSeen, History, Record
from chaos.verdict import CheckResult, Verdict
from tests.unit.checks.histories import pod, story

LIMIT = {"capacity": 2}


def judged(*more: Record, expect: dict[str, int] | None = None, without_site: bool = False) -> CheckResult:
    records = story(expect=LIMIT if expect is None else expect, baseline=True)
    if without_site:
        records = [each for each in records if getattr(each, "role", "") != "site"]
    history = History([*records, *more])
    (step,) = (each for each in history.steps if each.of_plan)
    return capacity.check(history, step)


def test_enough_pods_throughout_pass() -> None:
    found = judged()
    assert (found.verdict, found.figures["least"]) == (Verdict.PASS, 2)


def test_one_that_is_not_ready_for_a_moment_fails_and_the_moment_is_told() -> None:
    found = judged(pod(11.0, "site-a", "site", ready=False), pod(11.5, "site-a", "site"))
    assert (found.verdict, found.reason) == (Verdict.FAIL, "1 of 2 wanted site pods was ready at 11.0 s")


def test_one_that_was_deleted_fails_until_another_is_ready() -> None:
    gone = pod(11.0, "site-a", "site", change="deleted", ready=False)
    assert judged(gone).verdict is Verdict.FAIL
    assert judged(pod(10.9, "site-c", "site"), gone).verdict is Verdict.PASS


def test_what_happens_after_the_step_does_not_count() -> None:
    assert judged(pod(19.05, "site-a", "site", ready=False)).verdict is Verdict.PASS


def test_without_a_limit_nothing_is_judged() -> None:
    assert judged(expect={}, without_site=True).verdict is Verdict.PASS


def test_pods_that_nobody_saw_are_unknown() -> None:
    assert judged(without_site=True).verdict is Verdict.UNKNOWN


def test_an_api_server_that_was_away_leaves_it_unknown_unless_it_had_failed() -> None:
    away = ApiServerSeen(12.0, False, 11.9)
    assert judged(away).verdict is Verdict.UNKNOWN
    assert judged(away, pod(11.0, "site-a", "site", ready=False)).verdict is Verdict.FAIL
