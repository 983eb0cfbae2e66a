"""What `hachaos history --json` prints fits its published schema, and the schema names all of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from made import journal, run, runs, write

from chaos.cli.history import history
from chaos.past.runs import note_not_run

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/schemas/history-v1.json").read_text())


def nothing(reports: Path) -> None:
    assert reports.is_dir()


def few(reports: Path) -> None:
    write(reports, run(0, reads_s=None))


def slower(reports: Path) -> None:
    for number in range(25):
        write(reports, run(number, recovered_s=4.0 if number < 20 else 9.0))


def broken(reports: Path) -> None:
    for one in runs("++++++++++---"):
        write(reports, one)


def doubtful(reports: Path) -> None:
    for one in runs("+-"):
        write(reports, one)


def flaky(reports: Path) -> None:
    for one in runs("+-+?+-+"):
        write(reports, one)


def never_judged(reports: Path) -> None:
    write(reports, run(0, "unknown", ended="interrupted"))


def cut_off(reports: Path) -> None:
    (reports / "killed").mkdir()
    (reports / "killed" / "journal.jsonl").write_text(journal(run(0)))


def not_begun(reports: Path) -> None:
    note_not_run(reports, "kill-master", "hardened", "local/hachaos", run(0).began, "no cluster")


def not_readable(reports: Path) -> None:
    for name, text in (("torn", "{"), ("newer", '{"format": 99}')):
        (reports / name).mkdir()
        (reports / name / "report.json").write_text(text)


CASES = [nothing, few, slower, broken, doubtful, flaky, never_judged, cut_off, not_begun, not_readable]


def printed(reports: Path, *arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(history, ["--reports", str(reports), "--json", *arguments], standalone_mode=False)
    if done.exception:
        raise done.exception
    values: dict[str, Any] = json.loads(done.output, parse_constant=pytest.fail)
    return values


def closed(schema: Any) -> Any:
    """The schema with no field allowed that it does not name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    return found | ({"unevaluatedProperties": False} if isinstance(schema.get("properties"), dict) else {})


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("arguments", [(), ("--every", "30000d", "--last", "1"), ("--every", "60d")])
def test_what_is_printed_fits_the_schema_which_names_all_of_it(
    tmp_path: Path, case: Callable[[Path], None], arguments: tuple[str, ...]
) -> None:
    case(tmp_path)
    values = printed(tmp_path, *arguments)
    for schema in (SCHEMA, closed(SCHEMA)):
        jsonschema.Draft202012Validator(schema).validate(values)


def test_the_cases_have_each_state_and_each_way_to_end(tmp_path: Path) -> None:
    """Else the test above would hold of a schema that refuses what it never met."""
    states, ends, verdicts = set(), set(), set()
    for case in CASES:
        (tmp_path / case.__name__).mkdir()
        case(tmp_path / case.__name__)
        for one in printed(tmp_path / case.__name__, "--last", "99")["scenarios"]:
            states.add(one["state"])
            ends |= {each["ended"] for each in one["runs"]}
            verdicts |= {each["verdict"] for each in one["runs"]}
    assert states == set(SCHEMA["$defs"]["standing"]["properties"]["state"]["enum"])
    known = SCHEMA["$defs"]["run"]["properties"]
    assert verdicts == set(known["verdict"]["enum"])
    assert ends <= set(known["ended"]["enum"])


def missing_state(values: dict[str, Any]) -> None:
    del values["scenarios"][0]["state"]


def other_verdict(values: dict[str, Any]) -> None:
    values["scenarios"][0]["runs"][0]["verdict"] = "green"


def other_format(values: dict[str, Any]) -> None:
    values["format"] = 2


def unknown_figure(values: dict[str, Any]) -> None:
    values["scenarios"][0]["figures"]["uploads_s"] = values["scenarios"][0]["figures"]["reads_s"]


@pytest.mark.parametrize("spoil", [missing_state, other_verdict, other_format, unknown_figure])
def test_the_schema_refuses_what_is_spoilt(tmp_path: Path, spoil: Callable[[dict[str, Any]], None]) -> None:
    broken(tmp_path)
    values = printed(tmp_path)
    spoil(values)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(values)


def test_a_field_that_the_schema_does_not_name_would_be_noticed(tmp_path: Path) -> None:
    few(tmp_path)
    values = printed(tmp_path)
    values["scenarios"][0]["new"] = 1
    jsonschema.Draft202012Validator(SCHEMA).validate(values)
    with pytest.raises(jsonschema.ValidationError, match="'new' was unexpected"):
        jsonschema.Draft202012Validator(closed(SCHEMA)).validate(values)
