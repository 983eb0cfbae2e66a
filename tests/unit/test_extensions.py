"""Extensions: what is installed beside hachaos is read, and one that is broken costs one clear line before anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WORDS = """
from chaos.scenario.words import ActionWords, Parameter
ACTIONS = {"prod": ActionWords(about="prods", targets=("site",), parameters={}, undo="nothing is taken")}
CHECKS = {"calm": "nobody was prodded"}
LIMITS = {"prods": Parameter(key="prods", kind="count", highest=9, about="how many prods")}
"""
ACTION = """
class Prod:
    name = "prod"
    def rights(self, binding, target, params): return ()
    aim = inject = effect = put_back = by_hand = rights
"""
CHECK = """
NAME = "calm"
def check(history, step): raise RuntimeError("never called here")
"""
ENTRIES = """
[hachaos.words]
team = team.words
[hachaos.actions]
prod = team.action:Prod
[hachaos.checks]
calm = team.check
"""
SCENARIO = """
apiVersion: hachaos/v1
name: x
claim: c
steps:
  - {name: s, action: prod, target: site, expect: {prods: 3}}
"""
LOAD = "from chaos.preconditions import require_extensions; require_extensions()"
TOLD = (
    "import sys\nfrom chaos.errors import HachaosError\n"
    f"try:\n    {LOAD}\n"
    "except HachaosError as error:\n    sys.exit(f'{int(error.exit_code)} {error}')"
)


def installed(folder: Path, entries: str = ENTRIES, package: str = "team", **modules: str) -> Path:
    """A package with these modules as pip installs one."""
    (folder / package).mkdir()
    for name, text in ({"words": WORDS, "action": ACTION, "check": CHECK} | modules).items():
        (folder / package / f"{name}.py").write_text(text)
    metadata = folder / f"{package}_chaos-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}-chaos\nVersion: 1.2\n")
    (metadata / "entry_points.txt").write_text(entries)
    return folder


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a new process does that has the folder on its path."""
    environment = os.environ | {"PYTHONPATH": str(folder)}
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(command, env=environment, cwd=folder, text=True, capture_output=True, check=False)


def hachaos(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return python(folder, "-m", "chaos.cli.main", *arguments)


def scenario(folder: Path, text: str = SCENARIO) -> str:
    (folder / "s.yaml").write_text(text)
    return "s.yaml"


def test_its_words_are_words_of_a_scenario(tmp_path: Path) -> None:
    installed(tmp_path)
    found = hachaos(tmp_path, "validate", scenario(tmp_path))
    assert (found.returncode, found.stdout, found.stderr) == (0, "s.yaml: ok (x, 1 step)\n", "")
    assert "limits  prods: 3" in hachaos(tmp_path, "plan", "s.yaml").stdout


def test_without_it_they_are_none_and_the_places_are_told(tmp_path: Path) -> None:
    found = hachaos(tmp_path, "validate", scenario(tmp_path))
    assert found.returncode == 4
    assert "s.yaml:6:23: action: no action 'prod'" in found.stderr
    assert "unknown key 'prods'" in found.stderr


def test_a_value_that_does_not_fit_its_limit_is_told_with_its_place(tmp_path: Path) -> None:
    installed(tmp_path)
    found = hachaos(tmp_path, "validate", scenario(tmp_path, SCENARIO.replace("prods: 3", "prods: 10")))
    assert found.returncode == 4
    assert "s.yaml:6:59: prods: 10 does not fit; write a whole number from 0 to 9" in found.stderr


def test_one_that_is_right_is_loaded_before_a_run(tmp_path: Path) -> None:
    found = python(installed(tmp_path), "-c", TOLD)
    assert (found.returncode, found.stderr) == (0, "")


def test_it_is_among_the_versions_of_a_run(tmp_path: Path) -> None:
    found = python(installed(tmp_path), "-c", "from chaos import extensions; print(extensions.versions())")
    assert found.stdout == "{'extension team-chaos': '1.2'}\n"


def test_its_words_are_explained(tmp_path: Path) -> None:
    installed(tmp_path)
    assert "does      prods" in hachaos(tmp_path, "explain", "prod").stdout
    assert "nobody was prodded" in hachaos(tmp_path, "explain", "calm").stdout
    assert "how many prods; a whole number from 0 to 9" in hachaos(tmp_path, "explain").stdout


def test_words_are_read_without_the_code(tmp_path: Path) -> None:
    installed(tmp_path, action="raise RuntimeError", check="raise RuntimeError")
    assert hachaos(tmp_path, "validate", scenario(tmp_path)).returncode == 0


def test_modules_of_an_extension_can_be_imported_first_as_its_own_tests_do(tmp_path: Path) -> None:
    action = "from chaos.actions.action import kubectl\n" + ACTION
    check = "from chaos.checks import facts\nfrom chaos.checks.judge import checks\n" + CHECK
    installed(tmp_path, action=action, check=check)
    for module in ("words", "action", "check"):
        found = python(tmp_path, "-c", f"import team.{module}\n{TOLD}")
        assert (module, found.returncode, found.stderr) == (module, 0, "")


BROKEN = [
    ({"words": "import nothing_of_that_name"}, "hachaos.words team: team.words cannot be loaded: ModuleNotFoundError"),
    ({"words": "x ="}, "hachaos.words team: team.words cannot be loaded: SyntaxError"),
    ({"words": "WORDS = {}"}, "hachaos.words team: it has none of ACTIONS, CHECKS, LIMITS"),
    ({"words": "CHECKS = ['calm']"}, "hachaos.words team: its CHECKS is no dict of str"),
    ({"words": "ACTIONS = {'prod': 1}"}, "hachaos.words team: its ACTIONS is no dict of ActionWords"),
    ({"words": WORDS.replace('"prod"', '"scale"')}, "hachaos.words team: 'scale' of its ACTIONS is taken"),
    ({"words": WORDS.replace('"prods":', '"reads":')}, "hachaos.words team: 'reads' of its LIMITS is taken"),
    ({"words": WORDS.replace('"site"', '"pods"')}, "hachaos.words team: 'prod' has to have targets of database"),
    ({"words": WORDS.replace('"prod"', '"other"')}, "hachaos.actions prod: no ACTIONS of hachaos.words tell what it"),
    ({"words": WORDS.replace('"calm"', '"other"')}, "hachaos.checks calm: no CHECKS of hachaos.words tells what it"),
    ({"words": WORDS + "CHECKS['more'] = ''"}, "hachaos.words team: no hachaos.checks has the code of 'more'"),
    ({"action": "x = 1 / 0"}, "hachaos.actions prod: team.action:Prod cannot be loaded: ZeroDivisionError"),
    ({"action": ACTION.replace("Prod", "Other")}, "hachaos.actions prod: team.action:Prod cannot be loaded: Attribute"),
    ({"action": ACTION.replace("put_back =", "putback =")}, "hachaos.actions prod: it has no put_back, as every"),
    ({"action": ACTION.replace('"prod"', '"other"')}, "hachaos.actions prod: its `name` is another"),
    ({"action": "Prod = 1"}, "hachaos.actions prod: it cannot be made: TypeError"),
    ({"check": "NAME = 'calm'"}, "hachaos.checks calm: it has no function `check`"),
    ({"check": CHECK.replace('"calm"', '"other"')}, "hachaos.checks calm: its NAME is another"),
]


@pytest.mark.parametrize(("modules", "told"), BROKEN, ids=[told for _, told in BROKEN])
def test_one_that_is_broken_is_named_in_one_line_before_a_run(
    tmp_path: Path, modules: dict[str, str], told: str
) -> None:
    found = python(installed(tmp_path, **modules), "-c", TOLD)
    assert found.stderr.startswith(f"3 extension team-chaos 1.2: {told}"), found.stderr
    assert found.stderr.count("\n") == 1


def test_words_that_have_no_code_are_told_before_a_run(tmp_path: Path) -> None:
    installed(tmp_path, "[hachaos.words]\nteam = team.words\n")
    found = python(tmp_path, "-c", TOLD)
    assert found.stderr.startswith("3 prod: there is no such action here; the extension that has it is not installed")


def test_two_of_one_name_are_told(tmp_path: Path) -> None:
    installed(tmp_path)
    installed(tmp_path, "[hachaos.checks]\ncalm = other.check\n", "other")
    assert "has one of that name" in python(tmp_path, "-c", TOLD).stderr


def test_the_command_line_tells_what_is_broken_and_what_to_do(tmp_path: Path) -> None:
    installed(tmp_path, words="import nothing_of_that_name")
    found = hachaos(tmp_path, "validate", scenario(tmp_path))
    assert found.returncode == 3
    first, second = found.stderr.splitlines()
    assert first.startswith("hachaos: extension team-chaos 1.2: hachaos.words team: ")
    assert second == "hint: mend it, or remove it: pip uninstall team-chaos"


def test_where_none_is_installed_their_reader_is_not_imported(tmp_path: Path) -> None:
    code = "import sys; from chaos.scenario import vocabulary; print('importlib.metadata' in sys.modules)"
    assert python(tmp_path, "-c", code).stdout == "False\n"
