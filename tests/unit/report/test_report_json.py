from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import sample

from chaos import report
from chaos.checks.judge import Judgement, judge
from chaos.checks.slow import nearest_rank
from chaos.errors import HachaosError
from chaos.history import ApiServerSeen, ClusterEvent, History, PodSeen, RunBegun, RunEnded
from chaos.report import json_
from chaos.report.summary import summarise
from chaos.verdict import CheckResult, Verdict

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/schemas/report-v1.json").read_text())
RUNS = {"passing": sample.passing, "failing": sample.failing, "unknown": sample.unknown}


def rendered(history, judgement):
    return json.loads(json.dumps(json_.render(summarise(history, judgement)), allow_nan=False))


@pytest.fixture(params=RUNS)
def run(request):
    return RUNS[request.param]()


def test_a_report_fits_its_published_schema(run):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(rendered(*run))


def closed(schema):
    """The schema with no field allowed that it does not name; what is meant to be open stays so."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items() if key != "figures"}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        found["unevaluatedProperties"] = False
        if "figures" in schema["properties"]:
            found["properties"] = found["properties"] | {"figures": True}
    return found


def test_the_schema_names_every_field_that_is_written(run):
    jsonschema.Draft202012Validator(closed(SCHEMA)).validate(rendered(*run))
    values = rendered(*run) | {"new": 1}
    with pytest.raises(jsonschema.ValidationError, match="'new' was unexpected"):
        jsonschema.Draft202012Validator(closed(SCHEMA)).validate(values)


def test_an_api_server_that_was_away_is_told_with_both_bounds():
    history, judgement = sample.passing()
    away = [
        ApiServerSeen(20.0, False, 18.5, "refused"),
        ApiServerSeen(31.0, True, 30.0),
        ApiServerSeen(60.0, False, 59.0),
    ]
    values = rendered(History([*history.records, *away]), judgement)
    jsonschema.Draft202012Validator(closed(SCHEMA)).validate(values)
    assert values["api_server_outages"] == [
        {"no_shorter_than_s": 10.0, "no_longer_than_s": 12.5, "began_between_s": [18.5, 20.0],
         "ended_between_s": [30.0, 31.0], "reason": "refused"},
        {"no_shorter_than_s": 8.0, "no_longer_than_s": None, "began_between_s": [59.0, 60.0],
         "ended_between_s": [68.0, None], "reason": ""},
    ]  # fmt: skip
    assert rendered(history, judgement)["api_server_outages"] == []


def test_how_the_stack_was_reached_and_why_a_run_was_aborted_are_told():
    history, judgement = sample.passing()
    far = replace(history.run, stack=history.run.stack | {"reach": "port-forward"})
    ended = RunEnded(68.0, "aborted", "reads were out for 31 s of at most 30 s")
    values = rendered(History([far, *history.records[1:-1], ended]), judgement)
    assert values["reach"] == "port-forward"
    assert values["ended"] == {"how": "aborted", "detail": "reads were out for 31 s of at most 30 s"}
    assert rendered(history, judgement)["reach"] == ""


def test_a_report_is_printed_on_one_line(tmp_path):
    report.write(tmp_path, *sample.failing("\n\u2028"))
    line = report.one_line(tmp_path)
    assert "\n" not in line
    assert json.loads(line) == json.loads((tmp_path / "report.json").read_text())


def test_a_report_that_is_not_there_is_said_with_what_to_do(tmp_path):
    with pytest.raises(HachaosError, match=r"report\.json: .*No such file") as caught:
        report.one_line(tmp_path)
    assert "check --write" in caught.value.hint


def test_the_schema_refuses_a_report_without_a_verdict():
    values = rendered(*sample.passing())
    del values["steps"][0]["verdict"]
    with pytest.raises(jsonschema.ValidationError, match="'verdict' is a required property"):
        jsonschema.Draft202012Validator(SCHEMA).validate(values)


def test_what_the_real_checks_say_fits_the_schema_too():
    history = sample.failing()[0]
    jsonschema.Draft202012Validator(SCHEMA).validate(rendered(history, judge(history)))


def test_a_step_tells_its_outages_with_both_bounds():
    step = rendered(*sample.passing())["steps"][0]
    outage = step["reads"]["longest_outage"]
    assert (outage["kind"], outage["via"]) == ("reads", "service")
    assert outage["no_shorter_than_s"] == pytest.approx(1.915)
    assert outage["no_longer_than_s"] == pytest.approx(2.165)
    assert outage["began_between_s"] == pytest.approx([13.96, 14.16])
    assert outage["ended_between_s"] == pytest.approx([16.075, 16.125])


def test_an_end_that_was_not_seen_is_null():
    outage = rendered(*sample.unknown())["steps"][0]["writes"]["longest_outage"]
    assert outage["no_longer_than_s"] is None
    assert outage["ended_between_s"][1] is None


def test_recovery_is_told_part_by_part_from_the_fault_on():
    first, second = rendered(*sample.passing())["steps"]
    assert first["time_to_recovery"] == {
        "pod": "mysql-0", "fault_at_s": 14.0, "noticed_s": 0.05, "scheduled_s": 0.8, "started_s": 1.9, "ready_s": 3.0,
        "attached_s": None, "pulled_s": None, "container_started_s": 1.9,
        "first_good_answer_s": 3.15, "recovered_s": 3.6,
    }  # fmt: skip
    assert second["time_to_recovery"]["pod"] == sample.NEW_SITE
    assert second["time_to_recovery"]["first_good_answer_s"] is None
    assert second["time_to_recovery"]["recovered_s"] == pytest.approx(2.6)


def test_a_pod_that_never_got_ready_has_not_recovered():
    recovery = rendered(*sample.unknown())["steps"][0]["time_to_recovery"]
    assert recovery["started_s"] == pytest.approx(1.9)
    assert recovery["ready_s"] is None
    assert recovery["first_good_answer_s"] is None
    assert recovery["recovered_s"] is None


def test_recovery_is_unknown_where_no_pod_was_watched():
    history, judgement = sample.passing()
    blind = History(record for record in history if not isinstance(record, PodSeen))
    recovery = rendered(blind, judgement)["steps"][0]["time_to_recovery"]
    assert recovery["noticed_s"] is recovery["scheduled_s"] is recovery["ready_s"] is None


def test_what_a_node_did_for_the_new_pod_is_known_from_its_events():
    history, judgement = sample.passing()
    events = [
        ClusterEvent(14.0 + at, "pod/mysql-0", reason, "")
        for at, reason in (
            (-1.0, "Pulled"),
            (1.0, "SuccessfulAttachVolume"),
            (1.2, "Pulled"),
            (1.4, "Pulled"),
            (9.0, "Pulled"),
        )
    ]
    recovery = rendered(History([*history, *events]), judgement)["steps"][0]["time_to_recovery"]
    assert (recovery["attached_s"], recovery["pulled_s"]) == (pytest.approx(1.0), pytest.approx(1.4))
    assert recovery["container_started_s"] == pytest.approx(1.9)


def test_a_pod_whose_process_was_killed_is_followed_from_its_restart_on():
    history, judgement = sample.passing()
    lives = [one for one in history if isinstance(one, PodSeen) and one.name == "mysql-0"]
    old = next(one for one in lives if one.at < 14.0)
    again = [
        replace(old, at=14.2, ready=False, containers={"mysql": "terminated:Error"}),
        replace(old, at=14.5, ready=False, restarts=1, containers={"mysql": "waiting:"}),
        replace(old, at=14.7, ready=False, restarts=1, containers={"mysql": "running"}),
        replace(old, at=15.5, restarts=1, containers={"mysql": "running"}),
    ]
    of_pod = [one for one in history if isinstance(one, ClusterEvent) and one.object == "pod/mysql-0"]
    records = [one for one in history if one not in of_pod and (one not in lives or one is old)]
    recovery = rendered(History([*records, *again]), judgement)["steps"][0]["time_to_recovery"]
    assert (recovery["pod"], recovery["scheduled_s"]) == ("mysql-0", None)
    assert (recovery["noticed_s"], recovery["container_started_s"]) == (pytest.approx(0.2), pytest.approx(0.7))
    assert (recovery["started_s"], recovery["ready_s"]) == (pytest.approx(0.7), pytest.approx(1.5))
    same = [replace(one, restarts=0) for one in again]
    recovery = rendered(History([*records, *same]), judgement)["steps"][0]["time_to_recovery"]
    assert recovery["pod"] is recovery["ready_s"] is None


def test_totals_count_every_record():
    history, judgement = sample.passing()
    values = rendered(history, judgement)
    service = values["reads"]["service"]
    assert service["ok"] + service["failed"] == 68 * 20
    assert service["reasons"] == {"database-error": service["failed"]}
    assert set(values["writes"]) == {"post", "row"}
    assert values["writes"]["row"]["info"] > 0
    assert values["skipped"] == {"read service": 1}


def test_lost_writes_come_from_the_continuity_check_and_are_null_when_it_could_not_count():
    assert rendered(*sample.failing())["steps"][0]["writes"]["lost"] == 57
    assert rendered(*sample.unknown())["steps"][0]["writes"]["lost"] is None


def test_a_run_that_was_cut_off_says_so():
    assert rendered(*sample.unknown())["ended"] == {"how": "cut off", "detail": ""}


def test_versions_name_the_tool_that_ran_and_keep_what_the_run_noted():
    versions = rendered(*sample.passing())["versions"]
    assert versions["kubernetes"] == "v1.35.0"
    assert {"hachaos", "python", "report"} <= versions.keys()


def test_figures_that_json_does_not_know_are_null():
    history, judgement = sample.passing()
    odd = CheckResult("odd", Verdict.PASS, "", {"inf": float("inf"), "set": {"b", "a"}, "nan": [float("nan")]})
    step = replace(judgement.steps[0], checks=(odd,))
    values = rendered(history, Judgement(Verdict.PASS, (step,), ""))
    assert values["steps"][0]["checks"][0]["figures"] == {"inf": None, "set": ["a", "b"], "nan": [None]}


@pytest.mark.parametrize(("percentile", "value"), [(50, 2), (75, 3), (99, 4), (100, 4), (1, 1)])
def test_percentiles_are_values_that_were_measured(percentile, value):
    assert nearest_rank([1, 2, 3, 4], percentile) == value


def test_all_files_are_written_and_no_temporary_one_is_left(tmp_path):
    report.write(tmp_path, *sample.passing())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(report.FILES)
    assert json.loads((tmp_path / "report.json").read_text())["format"] == json_.FORMAT


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(HachaosError, match=r"nowhere/report\.json: No such file or directory") as caught:
        report.write(tmp_path / "nowhere", *sample.passing())
    assert caught.value.hint


def test_text_that_utf8_cannot_hold_does_not_stop_a_report(tmp_path):
    report.write(tmp_path, *sample.failing("\udcff\x00\x1b[31m"))
    assert json.loads((tmp_path / "report.json").read_text())["verdict"] == "fail"


def test_a_run_without_steps_or_answers_can_be_reported(tmp_path):
    run = replace(sample.records()[0], claim="", scenario_text="")
    assert isinstance(run, RunBegun)
    report.write(tmp_path, History([run]), Judgement(Verdict.UNKNOWN, (), "no step was begun"))
    values = json.loads((tmp_path / "report.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(values)
    assert "No step began." in (tmp_path / "report.html").read_text()
