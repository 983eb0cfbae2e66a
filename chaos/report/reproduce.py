"""What it takes to run it again: the command, versions, images, hashes, the scenario and the plan."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from chaos.history import RunBegun
from chaos.paths import CLUSTER
from chaos.report.json_ import versions
from chaos.report.summary import Summary
from chaos.report.words import markup as _e
from chaos.scenario.vocabulary import ACTIONS


def _listed(title: str, found: Mapping[str, str]) -> str:
    rows = "".join(f'<tr><th scope="row">{_e(name)}</th><td>{_e(text)}</td></tr>' for name, text in found.items())
    shown = f'<table class="figures"><caption class="unseen">{_e(title)}</caption><tbody>{rows}</tbody></table>'
    return f"<h3>{_e(title)}</h3>\n{shown}\n" if found else ""


def _images(stack: Mapping[str, Any]) -> dict[str, str]:
    """By workload and container what the manifest names, and what the pods ran."""
    named, run = (stack.get(key) for key in ("images", "image_digests"))
    named, run = named if isinstance(named, dict) else {}, run if isinstance(run, dict) else {}
    return {
        str(name): f"{named.get(name, '')} {run.get(name, '(no digest was noted)')}".strip()
        for name in {**named, **run}
    }


def _hashes(summary: Summary) -> dict[str, str]:
    stack, text = summary.run.stack, summary.run.scenario_text
    found = {"stack": str(stack.get("source") or stack.get("profile") or "")}
    if manifests := stack.get("manifests_sha256"):
        found["its manifests, SHA-256"] = str(manifests)
    if text:
        found["scenario file, SHA-256"] = hashlib.sha256(text.encode(errors="replace")).hexdigest()
    found["seed"] = "none: what is hit, and when each request leaves, is not drawn at random"
    return found


def _command(run: RunBegun) -> Iterator[str]:
    """Its words. Which kubeconfig had a context is not in the journal, and somebody has to agree anew (`--yes`)."""
    yield from ("hachaos", "run", str(run.plan.get("path") or run.scenario))
    if source := run.stack.get("source") or run.stack.get("profile"):
        yield from ("--stack", str(source))
    place, _, name = str(run.stack.get("target", "")).partition("/")
    if place == "context":
        yield from ("--context", name)
    elif place == "in-cluster":
        yield "--in-cluster"
    elif name not in ("", CLUSTER):
        yield from ("--name", name)
    if run.plan.get("baseline") == "record":
        yield from ("--baseline", "record")
    actions = (ACTIONS.get(str(step.get("action"))) for step in run.plan.get("steps", ()))
    if any(action and action.nodes for action in actions):
        yield "--allow-nodes"
    if run.plan.get("destructive") and place in ("context", "in-cluster"):
        yield "--allow-destructive"


def section(summary: Summary, folder: str) -> str:
    """The page's section; `folder` is the run folder's name."""
    run = summary.run
    command = list(_command(run))

    def block(title: str, text: str, *, opened: bool = False) -> str:
        name = _e(title)
        return (
            f"<details{' open' if opened else ''}><summary>{name}</summary>"
            f'<div class="inside"><pre tabindex="0" role="group" aria-label="{name}">{_e(text)}</pre></div></details>'
        )

    plan = json.dumps({key: value for key, value in run.plan.items() if key != "text"}, indent=2, ensure_ascii=False)
    stack = json.dumps(run.stack, indent=2, ensure_ascii=False)
    return (
        '<section>\n<h2 id="reproduce">To run it again</h2>\n'
        f'<pre tabindex="0" role="group" aria-label="Command">{_e(shlex.join(command))}</pre>\n'
        f'<p class="hint">Everything that was observed is in journal.jsonl, beside this file in the folder '
        f"{_e(folder)}.</p>\n"
        + _listed("Versions", versions(summary))
        + _listed("Images, by digest", _images(run.stack))
        + _listed("What it was made from", _hashes(summary))
        + (block("Scenario, as it was read", run.scenario_text, opened=True) if run.scenario_text else "")
        + block("Plan, with everything filled in", plan)
        + block("Stack", stack)
        + "\n</section>"
    )
