"""The claims table: which fact decides, and which line has to be changed."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import sample
from click.testing import CliRunner

from chaos import paths
from chaos.checks import continuity
from chaos.checks.findings import KEYS
from chaos.checks.judge import Judgement, StepJudgement
from chaos.cli.claims import claims as command
from chaos.errors import InputError
from chaos.history import BASELINE, Limits, Step
from chaos.report import advice, claims, claims_page, words
from chaos.verdict import CheckResult, Outage, Verdict

PROFILES = ("published", "hardened")


def step(index: int, action: str, *checks: CheckResult, verdict: Verdict = Verdict.FAIL) -> StepJudgement:
    name = "baseline" if index == BASELINE else f"do {action}"
    return StepJudgement(Step(index, name, action, "database", Limits(), 0.0, 9.0, True, ""), verdict, checks)


def failed(check: str, *found: tuple[str, str, bool], advised: str | None = None) -> CheckResult:
    listed = [{"key": key, "text": text, "before": before} for key, text, before in found]
    return CheckResult(check, Verdict.FAIL, "; ".join(one[1] for one in found), {"findings": listed}, advice=advised)


def row(*steps: StepJudgement, profile: str = "published", verdict: Verdict = Verdict.FAIL) -> claims.Claim:
    return claims.of("it holds", "kill-master", profile, Judgement(verdict, steps, "the judge's own sentence"))


def test_a_pass_is_told_with_its_figures():
    kept = CheckResult(continuity.NAME, Verdict.PASS, "all 262 acknowledged writes are on mysql-0", {"pods_read": 1})
    first = CheckResult(
        "availability", Verdict.PASS, "", {"rows": {"longest_no_longer_than_s": 2.0}, "reads": {"attempts": 4}}
    )
    second = CheckResult(
        "availability", Verdict.PASS, "",
        {
            "rows": {"longest_no_longer_than_s": 3.14},
            "posts": {"longest_no_shorter_than_s": 0.52, "longest_no_longer_than_s": None},
        },
    )  # fmt: skip
    found = row(step(0, "x", kept, first), step(1, "x", second), verdict=Verdict.PASS)
    assert (found.verdict, found.change) == (Verdict.PASS, "")
    assert found.fact == (
        "all 262 acknowledged writes are on mysql-0; rows out for 3.1 s at most; posts out for 0.5 s or longer"
    )


def test_a_pass_with_an_outage_that_was_on_as_the_run_began_says_how_long_it_was_at_least():
    late = {"reads": {"longest_no_shorter_than_s": 2.04, "longest_no_longer_than_s": None}}
    never = {"reads": {"longest_no_shorter_than_s": 0.0, "longest_no_longer_than_s": 0.0}}
    steps = [step(n, "x", CheckResult("availability", Verdict.PASS, "", each)) for n, each in enumerate((late, never))]
    assert row(*steps, verdict=Verdict.PASS).fact == "the judge's own sentence; reads out for 2.0 s or longer"


def test_a_pass_without_an_outage_says_so():
    assert row(step(0, "x"), verdict=Verdict.PASS).fact == (
        "the judge's own sentence; neither reads nor writes were ever out"
    )


def test_a_failure_is_told_by_its_new_finding_and_names_the_line_to_change():
    lost = ("lost-row", "7 acknowledged rows were lost", False)
    found = row(step(BASELINE, "baseline"), step(0, "delete-volume", failed("continuity", lost)))
    assert found.fact == "7 acknowledged rows were lost"
    where, _, what = found.change.partition(": ")
    file, _, line = where.partition(":")
    assert file == "manifests/published/mysql-statefulset.yaml"
    assert "exit 0" in (paths.manifests() / "published/mysql-statefulset.yaml").read_text().splitlines()[int(line) - 1]
    assert what.startswith("ordinal 0 never clones")


def test_of_several_steps_the_one_that_decides_is_named():
    lost = failed("continuity", ("lost-post", "1 post was lost", False))
    assert row(step(0, "noop"), step(1, "scale", lost)).fact == "step 2 (do scale): 1 post was lost"


def test_lost_data_decides_before_a_long_outage_and_what_is_new_before_what_was_so():
    checks = (
        failed("availability", ("out:rows", "rows were out", False)),
        failed("continuity", ("seed", "the seed is gone", True), ("lost-row", "1 row was lost", False)),
    )
    assert row(step(0, "scale", *checks)).fact == "1 row was lost"
    old = (checks[0], failed("continuity", ("lost-row", "1 row was lost", True)))
    assert row(step(0, "scale", *old)).fact == "rows were out"


def test_a_failure_by_old_findings_alone_says_that_nothing_got_worse():
    old = failed("replication", ("not-replicating:mysql-1", "mysql-1 does not replicate", True))
    found = row(step(BASELINE, "baseline", old), step(0, "scale", old))
    assert found.fact == "already before the first fault mysql-1 does not replicate"
    assert found.change.startswith("manifests/published/mysql-configmap.yaml:")
    assert row(step(BASELINE, "baseline", old)).fact == "before the first fault mysql-1 does not replicate"


def test_a_failure_without_findings_is_told_by_the_judge():
    assert row(step(0, "scale", CheckResult("effect", Verdict.FAIL, "x"))).fact == "the judge's own sentence"


def test_where_nobody_knows_a_line_the_check_itself_advises():
    odd = failed("clone", ("resurrected-row", "a row came back", False), advised="look at the clone")
    assert row(step(0, "scale", odd)).change == "look at the clone"


def test_an_unknown_is_told_by_its_reason_and_what_was_not_run_is_unknown():
    assert row(verdict=Verdict.UNKNOWN).fact == "the judge's own sentence"
    missed = claims.not_run("it holds", "kill-master", "the budget was used up")
    assert (missed.verdict, missed.fact) == (Verdict.UNKNOWN, "not run: the budget was used up")


def test_a_stack_without_manifests_of_ours_gets_the_place_within_the_object():
    said = advice.change("mine.yaml", "lost-post", "scale")
    assert said.startswith("Service mysql, spec.clusterIP: ")
    assert advice.change("mine.yaml", "resurrected-row", "scale") == ""


@pytest.mark.parametrize("profile", PROFILES)
def test_advice_names_one_line_of_a_manifest_and_keys_that_there_are(profile):
    known = advice.load(profile)
    assert known
    for one in known:
        text = (paths.manifests() / profile / one.file).read_text()
        assert sum(one.find in line for line in text.splitlines()) == 1, one
        assert all((one.find, one.place, one.change))
        assert {key.partition(":")[0] for key in one.keys} <= set(KEYS), one


def test_a_cell_of_the_markdown_table_cannot_break_it():
    text = claims.markdown([claims.Claim("a|b", "x", Verdict.PASS, "two\nlines")])
    assert text.splitlines()[2:] == ["| a\\|b | x | pass | two lines |  |"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"scenarios": 1', "\x00", '{"scenarios": [{}], "stack": "x"}'])
def test_a_file_that_is_no_suites_report_is_refused(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(InputError, match=re.escape(str(path))) as caught:
        claims_page.read(path)
    assert caught.value.exit_code == 4


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        claims_page.read(tmp_path / "report.json")


@pytest.fixture
def written(tmp_path):
    from chaos import report
    from chaos.report.suite import SuiteRun

    found = []
    for stack, run in (("hardened", sample.passing()), ("published", sample.failing())):
        folder = tmp_path / stack
        folder.mkdir()
        runs = [
            SuiteRun("kill-master", "a failed master comes back", "01-kill-master", *run),
            SuiteRun("stop-nfs", "files stay", "", None, None, "the budget was used up"),
        ]
        report.write_suite(folder, sample.suite(), stack, runs)
        found.append(folder / "report.json")
    return found


def test_the_page_of_claims_sets_stacks_side_by_side(written):
    text = claims_page.render([claims_page.read(path) for path in written])
    assert "| scenario | hardened | published |\n|---|---|---|\n" in text
    assert "| kill-master | pass | fail |" in text
    assert "| stop-nfs | unknown | unknown |" in text
    assert "## `hardened`: unknown" in text
    assert "262 writes were acknowledged in all scenarios together, 57 of them were lost" in text


def test_one_stack_needs_no_overview(written):
    assert "| scenario | hardened |" not in claims_page.render([claims_page.read(written[0])])


def test_the_command_prints_the_page(written):
    done = CliRunner().invoke(command, [str(path) for path in written])
    assert done.exit_code == 0
    assert done.output == claims_page.render([claims_page.read(path) for path in written])


def test_a_verdict_in_a_row_is_a_word():
    assert replace(row(), verdict=Verdict.PASS).to_json()["verdict"] == "pass"


def test_an_outage_that_came_of_an_empty_database_is_told_with_it_and_any_other_has_its_own_cause():
    _, judgement = sample.failing()
    keys = ("empty:mysql-0", "out:rows", "pod-out:page")
    found = [{"key": key, "text": f"finding {key}", "before": False} for key in keys]
    step = judgement.steps[0]
    for reason, causes in (("install-page", 1), ("refused", 3)):
        outage = Outage("reads", "service", 1.0, 2.0, 3.0, None, 9, {reason: 9})
        check = CheckResult("clone", Verdict.FAIL, "x", {"findings": found}, (outage,))
        action = replace(step.step, action="delete-volume")
        listed = claims.changes(StepJudgement(action, Verdict.FAIL, (check,)), "published")
        assert len(listed) == causes
        assert [text for _, texts in listed for text in texts] == [one["text"] for one in found]


def test_the_line_of_a_manifest_is_quoted_and_nothing_else_is_read():
    where = advice.change("published", "empty:mysql-0", "delete-volume").partition(": ")[0]
    assert advice.quoted(where) == "[[ $ordinal -eq 0 ]] && exit 0"
    for other in ("manifests/published/../../pyproject.toml:1", "manifests/published/none.yaml:1", f"{where}999", "x"):
        assert advice.quoted(other) == ""


def test_only_words_that_are_there_are_explained():
    assert [word for word, _ in words.glosses(["reads were out (2 install-page)"])] == ["install-page"]
    assert words.glosses(["the seeds of an all-steady-state"]) == []
