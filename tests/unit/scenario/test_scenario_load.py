"""A scenario's file becomes a plan, or lines that say where it is wrong and what would be right."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from scenario_files import Write

from chaos import paths
from chaos.errors import ExitCode, InputError, UsageError
from chaos.history import Limits
from chaos.scenario.load import MOST_ERRORS, ScenarioErrors, load, load_any
from chaos.scenario.plan import Abort, HttpCondition, Needs, PrometheusCondition, Wait, Workload


def complaint(path: Path) -> list[str]:
    with pytest.raises(UsageError) as caught:
        load(path)
    assert caught.value.exit_code == ExitCode.USAGE
    lines = str(caught.value).splitlines()
    assert isinstance(caught.value, InputError) == (len(lines) == 1)
    return lines


# What is right


def test_a_scenario_becomes_a_plan_in_seconds_and_per_second(write: Write, right: str) -> None:
    plan = load(write(right))
    assert (plan.name, plan.path, plan.text) == ("kill-master", "s.yaml", right)
    assert plan.workload == Workload(reads_per_s=20, pod_reads_per_s=1, writes_per_s=10, posts_per_s=1, deadline_s=2)
    (step,) = plan.steps
    assert (step.index, step.action, step.target) == (0, "delete-pod", "database/primary")
    assert (plan.baseline, plan.destructive, plan.needs) == ("stop", False, Needs())
    assert step.params == {"grace_s": 0}
    assert step.wait == Wait("database/ready", 180)
    assert Limits.from_json(step.expect) == Limits(30, 60, "resume")


def test_what_is_left_out_has_the_documented_default(write: Write) -> None:
    plan = load(
        write(
            "apiVersion: hachaos/v1\nname: x\nclaim: c\n"
            "steps: [{name: s, action: delete-pod, target: database/replica}]"
        )
    )
    assert plan.workload == Workload(reads_per_s=20, pod_reads_per_s=1, writes_per_s=10, posts_per_s=1, deadline_s=2)
    (step,) = plan.steps
    assert step.params == {}
    assert step.wait == Wait("database/ready", 300)
    assert Limits.from_json(step.expect) == Limits()


@pytest.mark.parametrize(("target", "condition"), [("site", "site/ready"), ("files", "files/ready")])
def test_a_step_waits_for_its_own_part_of_the_stack(write: Write, right: str, target: str, condition: str) -> None:
    text = right.replace("database/primary", target).replace("for: database/ready, ", "").replace("clone: resume", "")
    assert load(write(text)).steps[0].wait == Wait(condition, 180)


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "y", "017", "0o17", "1:30", "0x1f", "1_000", "2026-11-23"])
def test_what_older_yaml_reads_as_something_else_is_text(write: Write, right: str, word: str) -> None:
    assert load(write(right.replace("claim: a failed", f"claim: {word}\n#"))).claim == word


def test_windows_line_ends_are_as_good_as_any(write: Write, right: str) -> None:
    assert load(write(right.replace("\n", "\r\n"))).name == "kill-master"


@pytest.mark.parametrize("path", sorted(paths.scenarios().glob("*.yaml")), ids=lambda path: path.stem)
def test_every_bundled_scenario_is_right_and_named_like_its_file(path: Path) -> None:
    assert load_any(path).name == path.stem


def test_the_main_job_is_the_one_that_was_agreed_on() -> None:
    plan = load(paths.scenarios() / "kill-master.yaml")
    (step,) = plan.steps
    assert (step.action, step.target, step.wait) == ("delete-pod", "database/primary", Wait("database/ready", 180))
    assert Limits.from_json(step.expect) == Limits(30, 30, "resume")


# What is wrong with the words and values


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("hachaos/v1", "hachaos/v2", "1:13: apiVersion: no apiVersion 'hachaos/v2'; did you mean 'hachaos/v1'?"),
        ("kill-master", "Kill_Master", "2:7: name: 'Kill_Master' is not a name; write lower-case letters, digits"),
        ("kill-master", "a" * 64, "2:7: name: '"),
        ("kill-master", "-a", "2:7: name: '-a' is not a name;"),
        ("kill-master", '"a\\n"', "2:7: name: 'a\\n' is not one line of text; write one"),
        ("kill-master", "12", "2:7: name: 12 is not text; put it in quotes"),
        ("kill-master", "true", "2:7: name: true is not text; put it in quotes"),
        ("claim: a", "claim: #", "3:7: claim: nothing is not text; write text"),
        ("claim: a", "claim: [x] #", "3:8: claim: a list is not text; write text"),
        ("claim: a", f"claim: {'a' * 301} #", "3:8: claim: 301 characters are too many; write 300 at most"),
        ("claim: a", "cliam: a", "3:1: unknown key 'cliam'; did you mean 'claim'? (valid: apiVersion, name, claim, "),
        ("claim: a", "cliam: a", "1:1: 'claim' is missing; needed are apiVersion, name, claim, steps"),
        ("reads: 20/s", "reads: 20", "4:19: reads: 20 has no unit; write 20/s or 20/m"),
        ("reads: 20/s", "reads: -5", "4:19: reads: -5 has no unit; write 30/s or 30/m"),
        ("reads: 20/s", "reads: true", "4:19: reads: true is not a number with a unit; write one like 30/s"),
        ("reads: 20/s", "reads: .nan", "4:19: reads: '.nan' is not a rate; write one like 20/s or 30/m"),
        ("reads: 20/s", "reads: 0/s", "4:19: reads: '0/s' is no rate at all; write one above 0"),
        ("reads: 20/s", "reads: 200.1/s", "4:19: reads: '200.1/s' is too much; write 200/s at most"),
        ("reads: 20/s", "reads: ", "4:19: reads: nothing is not a number with a unit; write one like 30/s"),
        ("reads: 20/s", "raeds: 20/s", "4:12: unknown key 'raeds'; did you mean 'reads'?"),
        ("deadline: 2s", "deadline: 2", "4:77: deadline: 2 has no unit; write 2s or 2m"),
        ("deadline: 2s", "deadline: 0s", "4:77: deadline: '0s' is no time at all; write more than 0s"),
        ("deadline: 2s", "deadline: 25h", "4:77: deadline: '25h' is too long; write 24h at most"),
        ("delete-pod", "delete_pod", "7:13: action: no action 'delete_pod'; did you mean 'delete-pod'?"),
        ("delete-pod", "DELETE-POD", "7:13: action: no action 'DELETE-POD'; did you mean 'delete-pod'?"),
        ("delete-pod", "explode", "7:13: action: no action 'explode'; valid: scale, delete-pod, "),
        ("database/primary", "database/primry", "8:13: target: no target of delete-pod 'database/primry'; did you"),
        ("database/primary", "mysql-0", "8:13: target: no target of delete-pod 'mysql-0'; valid: database, data"),
        ("database/primary", "stack", "8:13: target: no target of delete-pod 'stack'; valid: database, "),
        ("{grace: 0s}", "{count: 0}", "9:25: count: 0 does not fit; write a whole number from 1 to 9"),
        ("workload:", "needs: {database: 0}\nworkload:", "4:19: database: 0 does not fit; write a whole number from 1"),
        ("workload:", "needs: {databases: 3}\nworkload:", "4:9: unknown key 'databases'; did you mean 'database'?"),
        ("workload:", "needs: 3\nworkload:", "4:8: needs: a number stands where a mapping has to be; write keys with"),
        ("workload:", "baseline: halt\nworkload:", "4:11: baseline: no baseline 'halt'; valid: stop, record"),
        ("workload:", "destructive: yes\nworkload:", "4:14: destructive: 'yes' is neither true nor false; write one"),
        ("reads: 20/s", "uploads: 0/s", "4:21: uploads: '0/s' is no rate at all; write one above 0"),
        ("reads: {longest", "uploads: {longest", "12:16: uploads: the workload has neither uploads nor file_reads;"),
        ("{longest_outage: 30s}", "{may_stay_out: 5}", "12:29: may_stay_out: 5 is neither true nor false; write one"),
        ("{grace: 0s}", "{grace: 0.5s}", "9:25: grace: '0.5s' has a fraction of a second; write whole seconds"),
        ("{grace: 0s}", "{grace: 2h}", "9:25: grace: '2h' is out of bounds; write 0s to 1h"),
        ("{grace: 0s}", "{grace: 0}", "9:25: grace: 0 has no unit; write 0s"),
        ("{grace: 0s}", "{replicas: 1}", "9:18: unknown key 'replicas'; valid: grace"),
        ("{grace: 0s}", "0s", "9:17: parameters: text stands where a mapping has to be; write keys with values"),
        ("database/ready", "database/redy", "10:17: for: no condition 'database/redy'; did you mean"),
        ("timeout: 3m", "timeout: 1:30", "10:42: timeout: '1:30' is not a duration; write one like"),
        ("{longest_outage: 30s}", "30s", "12:14: reads: text stands where a mapping has to be; write keys with values"),
        ("{longest_outage: 30s}", "{longest: 30s}", "12:15: unknown key 'longest'; did you mean 'longest_outage'?"),
        ("clone: resume", "clone: reclone", "14:14: clone: no kind of clone 'reclone'; did you mean 're-clone'?"),
        ("clone: resume", "clone: yes", "14:14: clone: no kind of clone 'yes'; valid: resume, re-clone"),
        ("database/primary", "site", "14:14: clone: only a database pod can resume or clone, and the target is site;"),
        ("  - name: delete the master's pod\n    action", "  - action", "6:5: 'name' is missing; needed are name, act"),
        ("steps:\n", "steps: []\nstepz:\n", "5:8: steps: 0 steps; write 1 to 50"),
        ("steps:\n", "steps: 5\nstepz:\n", "5:8: steps: a number stands where a list has to be; begin each step with"),
        ("  - name:", "  - 5\n  - name:", "6:5: a step: a number stands where a mapping has to be; write keys with"),
    ],
)  # fmt: skip
def test_a_wrong_word_or_value_is_one_line_with_place_and_remedy(
    write: Write, right: str, old: str, new: str, line: str
) -> None:
    assert old in right
    found = complaint(write(right.replace(old, new, 1)))
    assert [each for each in found if each.startswith(f"s.yaml:{line}")], found


@pytest.mark.parametrize(
    "replicas", ["-1", "10", "1.0", "1e0", "true", "'3'", "017", "", "9" * 5000, ".inf", "[3]", "3s"]
)
def test_replicas_are_a_whole_number_from_0_to_9(write: Write, right: str, replicas: str) -> None:
    text = right.replace("delete-pod", "scale").replace("/primary", "").replace("grace: 0s", f"replicas: {replicas}")
    (line,) = complaint(write(text))
    assert line.endswith("does not fit; write a whole number from 0 to 9")


def test_a_parameter_that_is_needed_is_asked_for(write: Write, right: str) -> None:
    scale = right.replace("delete-pod", "scale").replace("/primary", "")
    (line,) = complaint(write(scale.replace("    parameters: {grace: 0s}\n", "")))
    assert (
        line == "s.yaml:6:5: 'parameters' is missing; scale needs parameters: replicas (how many pods there shall be)"
    )
    (line,) = complaint(write(scale.replace("{grace: 0s}", "{}")))
    assert line == "s.yaml:9:17: 'replicas' is missing; scale needs replicas (how many pods there shall be)"


def test_two_steps_of_one_name_are_told_apart_by_the_user(write: Write, right: str) -> None:
    (line,) = complaint(write(right + "  - {name: delete the master's pod, action: delete-pod, target: files}\n"))
    assert line == 's.yaml:15:12: name: another step is called "delete the master\'s pod"; give each its own'


def test_more_than_50_steps_are_refused(write: Write, right: str) -> None:
    more = "".join(f"  - {{name: s{n}, action: delete-pod, target: site}}\n" for n in range(50))
    assert complaint(write(right + more)) == ["s.yaml:6:3: steps: 51 steps; write 1 to 50"]


def test_all_mistakes_are_listed_by_their_place(write: Write, right: str) -> None:
    text = (
        right.replace("reads: 20/s", "reads: 20")
        .replace("delete-pod", "delete-pods")
        .replace("timeout: 3m", "timeout: 3")
    )
    places = [line.split(": ")[0] for line in complaint(write(text))]
    assert places == ["s.yaml:4:19", "s.yaml:7:13", "s.yaml:10:42"]


def test_no_more_than_20_mistakes_are_listed_and_the_rest_is_counted(write: Write, right: str) -> None:
    wrong = "".join(f"key{n}: 1\n" for n in range(25))
    lines = complaint(write(right + wrong))
    assert len(lines) == MOST_ERRORS + 1
    assert lines[-1] == "s.yaml: and 5 more"


def test_several_mistakes_are_one_usage_error(write: Write) -> None:
    with pytest.raises(ScenarioErrors):
        load(write("name: 1\n"))


# What is wrong with the YAML


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1:1: the file is empty; write a scenario (see docs/scenarios.md)"),
        ("# only a comment\n", "1:1: the file is empty; write a scenario (see docs/scenarios.md)"),
        ("---\n", "2:1: a scenario: nothing stands where a mapping has to be; write keys with values"),
        ("- name: x\n", "1:1: a scenario: a list stands where a mapping has to be; write keys with values"),
        ("text\n", "1:1: a scenario: text stands where a mapping has to be; write keys with values"),
        ("a: 1\n---\nb: 1\n", "2:1: a second document begins here; write one scenario a file"),
        ("a:\n\tb: 1\n", "2:1: a tab; indent with spaces"),
        ("a: [1\nb: 2\n", "2:2: not YAML: did not find expected ',' or ']' while parsing a flow sequence that"),
        ("a: 'b\n", "1:4: not YAML: found unexpected end of stream while scanning a quoted scalar; see whether"),
        ("a: b: c\n", "1:5: not YAML: mapping values are not allowed in this context; see whether"),
        ("a: @x\n", "1:4: '@' cannot begin a value; put the value in quotes"),
        ("a: *\n", "1:5: not YAML: did not find expected alphabetic or numeric character while scanning an alias;"),
        ('a: "\\ud800"\n', "1:7: not YAML: found invalid Unicode character escape code"),
        ("a: \0", "1:4: character '\\x00' is not allowed in YAML; remove it"),
        ("x: 1\na: '\x1b[31m'\n", "2:5: character '\\x1b' is not allowed in YAML; remove it"),
        ("a: " + "[" * 100, "1:20: nested deeper than 16 levels; a scenario needs far fewer"),
        ("- " * 100_000, "1:35: nested deeper than 16 levels; a scenario needs far fewer"),
    ],
)  # fmt: skip
def test_what_is_not_one_plain_document_is_one_line(write: Write, text: str, line: str) -> None:
    (found,) = complaint(write(text))
    assert found.startswith(f"s.yaml:{line}")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"\xef\xbb\xbfname: x\n", "1:1: is UTF-8 with a byte order mark; save it as plain UTF-8"),
        ("name: x\n".encode("utf-16"), "1:1: is UTF-16; save it as plain UTF-8"),
        (b"name: x\nclaim: caf\xe9\n", "2:11: byte 0xe9 is not UTF-8; save the file as UTF-8"),
        (b"#" * (256 * 1024 + 1), "1:1: larger than 256 KiB; a scenario is a page or two"),
    ],
    ids=["byte order mark", "UTF-16", "Latin-1", "huge"],
)
def test_what_is_not_a_page_of_utf_8_is_one_line(write: Write, content: bytes, line: str) -> None:
    assert complaint(write(content)) == [f"s.yaml:{line}"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("name: kill", "name: &a kill", "2:7: anchor &a is not allowed; write the value without it"),
        ("name: kill-master", "name: *a", "2:7: alias *a is not allowed; write the value out"),
        (
            "name: kill",
            "name: !!str kill",
            "2:7: tag 'tag:yaml.org,2002:str' is not allowed; write the value without it",
        ),
        (
            "claim: a",
            "claim: !!python/object/apply:os.system a",
            "3:8: tag 'tag:yaml.org,2002:python/object/apply:os.sy",
        ),
        ("claim:", "<<: {a: 1}\nclaim:", "3:1: merge keys (<<) are not allowed; write the keys out"),
        ("claim:", "name: twice\nclaim:", "3:1: key 'name' is here twice; the first is on line 2, remove one"),
        (
            "reads: 20/s,",
            "reads: 20/s, 'reads': 1/s,",
            "4:25: key 'reads' is here twice; the first is on line 4, remove",
        ),
        ("claim:", "? [a, {b: c}]\n: 1\nclaim:", "3:3: a key has to be a single word, not a list or a mapping"),
        ("claim:", "&a x: 1\nclaim:", "3:1: anchor &a is not allowed; write the value without it"),
    ],
)
def test_what_hides_meaning_is_refused_by_name(write: Write, right: str, old: str, new: str, line: str) -> None:
    found = complaint(write(right.replace(old, new, 1)))
    assert found[0].startswith(f"s.yaml:{line}")


def test_a_refused_value_is_not_complained_of_twice(write: Write, right: str) -> None:
    assert len(complaint(write(right.replace("name: kill-master", "name: *a")))) == 1


def test_an_alias_bomb_is_refused_without_being_expanded(write: Write) -> None:
    levels = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 40)]
    began = time.monotonic()
    lines = complaint(write("\n".join(levels)))
    assert time.monotonic() - began < 60
    assert "anchor &l0 is not allowed" in "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        *("[" * 200_000, "{" * 200_000, "? " * 100_000, "a: " * 80_000, "- " * 100_000),
        *("&" * 200_000, '"' * 200_001, "a: 1\n" * 50_000, "a: [" + "b, " * 80_000 + "]"),
    ],
    ids=["lists", "mappings", "keys", "values", "dashes", "anchors", "quotes", "duplicates", "items"],
)
def test_a_file_made_to_take_long_does_not(write: Write, text: str) -> None:
    path = write(text)
    began = time.monotonic()
    assert len(complaint(path)) <= MOST_ERRORS + 1
    assert time.monotonic() - began < 60


# What is wrong with the file


def test_a_missing_file_is_said_with_its_nearest_neighbour(write: Write, right: str) -> None:
    write(right)
    assert complaint(Path("z.yaml")) == ["z.yaml:1:1: no such file; did you mean s.yaml?"]
    assert complaint(Path("no-such-folder/kill-master.yaml")) == [
        "no-such-folder/kill-master.yaml:1:1: no such file; hachaos list names those that there are"
    ]


def test_what_is_no_regular_file_is_refused_and_never_waited_for(write: Write, right: str, tmp_path: Path) -> None:
    write(right)
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        assert complaint(Path("fifo")) == ["fifo:1:1: is a pipe, socket or device; name a regular file"]
        assert complaint(Path("socket")) == ["socket:1:1: is a pipe, socket or device; name a regular file"]
    assert complaint(Path("/dev/zero")) == ["/dev/zero:1:1: is a pipe, socket or device; name a regular file"]
    assert complaint(tmp_path) == [f"{tmp_path}:1:1: is a folder; name a file in it"]
    assert complaint(Path("s.yaml/x")) == [
        "s.yaml/x:1:1: no such file: a part of the path is not a folder; name a file"
    ]
    Path("loop").symlink_to("loop")
    assert complaint(Path("loop")) == ["loop:1:1: no such file: its symbolic links lead in a circle; name a file"]
    assert complaint(Path("a" * 300)) == ["a" * 300 + ":1:1: no such file: the name is too long; name a file"]


def test_a_file_without_permission_is_one_line(write: Write, right: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(right)

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert complaint(path) == ["s.yaml:1:1: may not be read by this user; change its permissions"]


def test_a_path_of_strange_bytes_stays_on_one_line(write: Write, right: str) -> None:
    write(right)
    for name in (b"a\nb.yaml", b"\xff.yaml", b"\x1b[31m.yaml"):
        (line,) = complaint(Path(os.fsdecode(name)))
        assert line.isprintable()
        assert line.isascii()


# Abort conditions


def test_a_scenario_has_no_abort_condition_where_it_names_none(write: Write, right: str) -> None:
    assert load(write(right)).abort == Abort()


def test_abort_conditions_become_seconds_and_have_the_documented_defaults(write: Write, right: str) -> None:
    text = right + (
        "abort:\n  wall_time: 15m\n  error_budget: {reads: 60s, writes: 2m}\n"
        "  http: {url: 'https://example.org/health'}\n"
        "  prometheus: {url: 'http://p:9090', query: up, below: 1, for: 30s}\n"
    )
    plan = load(write(text))
    assert plan.abort == Abort(
        900,
        {"reads": 60, "writes": 120},
        HttpCondition("https://example.org/health", 15, 3, 5),
        PrometheusCondition("http://p:9090", "up", None, 1, 15, 30, 5, "ignore"),
    )
    assert plan.to_json()["abort"]["prometheus"]["below"] == 1


@pytest.mark.parametrize(
    ("abort", "where", "what"),
    [
        ("{}", "15:8", "it names no condition; write one (wall_time, error_budget, http, prometheus) or remove it"),
        ("{wal_time: 1m}", "15:9", "unknown key 'wal_time'; did you mean 'wall_time'?"),
        ("{wall_time: 60}", "15:20", "60 has no unit; write 60s or 60m"),
        ("{error_budget: {read: 1s}}", "15:24", "unknown key 'read'; did you mean 'reads'?"),
        ("{error_budget: {}}", "15:23", "it limits nothing"),
        ("{error_budget: {uploads: 1s}}", "15:33", "the workload has no uploads"),
        ("{http: {every: 1s}}", "15:15", "'url' is missing; needed are url"),
        ("{http: {url: 'ftp://x'}}", "15:21", "'ftp://x' is not a URL"),
        ("{http: {url: 'file:///etc/passwd'}}", "15:21", "is not a URL"),
        ("{http: {url: 'http://'}}", "15:21", "'http://' is not a URL"),
        ("{http: {url: 'http://a:70000/'}}", "15:21", "is not a URL"),
        ("{http: {url: 'http://me:pw@x/'}}", "15:21", "it holds a user or a password"),
        ("{http: {url: 'http://x', fails: 0}}", "15:40", "0 does not fit; write a whole number from 1 to 1000"),
        ("{prometheus: {url: 'http://x', query: up}}", "15:21", "write either above or below"),
        ("{prometheus: {url: 'http://x', query: up, above: 1, below: 0}}", "15:21", "write either above or below"),
        ("{prometheus: {url: 'http://x', query: up, above: .nan}}", "", "is not a number"),
        ("{prometheus: {url: 'http://x', above: 1}}", "15:21", "'query' is missing; needed are url, query"),
        ("{prometheus: {url: 'http://x', query: up, above: 1, missing: stop}}", "", "no word on a missing answer"),
        ("5m", "15:8", "text stands where a mapping has to be"),
    ],
)
def test_what_is_wrong_with_an_abort_condition_is_said_with_its_place(
    write: Write, right: str, abort: str, where: str, what: str
) -> None:
    (line,) = complaint(write(right + f"abort: {abort}\n"))
    assert line.startswith(f"s.yaml:{where}")
    assert what in line
