"""report.html: one file that opens offline, needs no script, and asks for nothing from anywhere.

All text passes through `_e`, also what looks harmless: names and messages came from a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any, Final, TypeAlias

from chaos.checks import recovery
from chaos.checks.judge import Judgement, StepJudgement
from chaos.history import BASELINE, QUIET, ClusterEvent, Note, PodSaid
from chaos.report import cells, claims, claims_table, distribution, recovery_table, reproduce, steps_table, svg, words
from chaos.report.figures import MOST_ITEMS, plain, tables
from chaos.report.json_ import versions
from chaos.report.page import badge, table, whole
from chaos.report.summary import SERVICE, StepSummary, Stream, Summary, is_read
from chaos.report.words import markup as _e
from chaos.scenario import vocabulary
from chaos.verdict import CheckResult, Outage, Verdict

_MOST_OUTAGES = 12
_MOST_EVENTS = 60
_MOST_CHARACTERS = 2000
_MOST_FACTS = 4
_MOST_IN_A_LINE = 2

_LOST: Final = {"row": "SQL rows", "post": "Posts", "attachment": "Uploads, as entered", "upload": "Uploads"}

_FORWARDED: Final = (
    "Every connection was made by a port-forward through the API server: kube-proxy and the load balancer had no part "
    "in what was measured, and each figure has the time of that way in it."
)


def render(summary: Summary, folder: str) -> str:
    """The text of report.html; `folder` is the run folder's name."""
    run, judgement = summary.run, summary.judgement
    styles = resources.files("chaos.report").joinpath("report.css").read_text(encoding="utf-8")
    sections = (
        _verdict(summary),
        _claim(summary),
        _timeline(summary),
        _steps(summary),
        _step_by_step(summary),
        _latency(summary),
        recovery_table.section(_named(summary)),
        reproduce.section(summary, folder),
    )
    title = f"{words.MARK[judgement.verdict]} {words.WORD[judgement.verdict]}: {run.scenario}"
    footer = f"hachaos {versions(summary)['hachaos']} · run {run.run} · {words.stamp(run.started_at)}"
    return whole(title, styles, "timeline", "\n".join(sections), footer)


def _verdict(summary: Summary) -> str:
    run, judgement = summary.run, summary.judgement
    began = f'<time datetime="{_e(words.stamp(run.started_at))}">{_e(words.day(run.started_at))}</time>'
    claim = f'<blockquote class="claim"><p>{_e(words.sentence(run.claim))}</p></blockquote>' if run.claim else ""
    ended = summary.history.ended
    broken = ""
    if ended is None or ended.how != "finished":
        how = "was cut off" if ended is None else ended.how if ended.how == "failed" else f"was {ended.how}"
        detail = f": {ended.detail}" if ended and ended.detail else ""
        broken = f'<p class="broken">The run {_e(how + detail)}.</p>'
    sentence = words.SENTENCE[judgement.verdict] if run.claim else f"The run {words.WORD[judgement.verdict]}."
    if not run.claim and judgement.verdict is Verdict.UNKNOWN:
        sentence = "The run proves nothing either way."
    reason = _e(words.sentence(_reason(judgement)))
    return (
        f'<header class="{judgement.verdict.value}">\n'
        f'<p class="over"><span>{_e(run.scenario)}</span><span>{began}</span>'
        f"<span>{_e(words.seconds(summary.duration_s))}</span></p>\n"
        f"<h1>{badge(judgement.verdict)} {_e(sentence)}</h1>\n{_already(judgement)}{claim}\n"
        f'<p class="reason">{reason}</p>\n{broken}\n{_figures_strip(summary)}\n</header>'
    )


def _already(judgement: Judgement) -> str:
    """A line on what was broken before the first fault: a fix of what the fault did is not enough then."""
    found = claims.already_broken(judgement)
    lead = '<b>The stack was broken <a href="#baseline">before the first fault</a> already:</b>'
    return f'<p class="already">{lead} {_e(found if found.endswith(".") else f"{found}.")}</p>\n' if found else ""


def _reason(judgement: Judgement) -> str:
    """The sentence that decides, without the name of its check: that is told with the step."""
    name, found, rest = judgement.reason.partition(": ")
    return rest if found and name in vocabulary.CHECKS else judgement.reason


def _figures_strip(summary: Summary) -> str:
    lost = [step.lost for step in summary.steps if step.lost is not None]
    # Each step looks for all writes of the run so far, so the highest count is the run's, not the sum.
    looked_for = [step.acknowledged for step in summary.steps if step.acknowledged is not None]
    gone = next((step for step in summary.steps if step.lost and step.lost == max(lost) and _lost_writes(step)), None)
    told = _e(f"{max(lost):,}" if lost else "unknown")
    tiles = (
        *_outage_tiles(summary),
        ("Acknowledged writes", _e(cells.number(max(looked_for, default=None))), False),
        ("Of these lost", f'<a href="#lost-{_anchor(gone)}">{told}</a>' if gone else told, bool(lost and max(lost))),
        ("Slowest recovery", *_slowest(summary)),
    )
    return (
        '<dl class="tiles">'
        + "".join(
            f"<div{' class=bad' if bad else ''}><dt>{_e(name)}</dt><dd>{value}</dd></div>" for name, value, bad in tiles
        )
        + "</dl>"
    )


_Tile: TypeAlias = tuple[str, str, bool]
"""What a figure is called, the figure as HTML, and whether a check holds it against the stack."""


def _outage_tiles(summary: Summary) -> list[_Tile]:
    """How long readers and writers were out; rows and posts apart where both were."""
    of = {
        what: [step.written[what] for step in summary.steps if what in step.written]
        for what in dict.fromkeys(what for step in summary.steps for what in step.written)
    }
    out = {what: steps for what, steps in of.items() if any(one.longest for one in steps)}
    of_service = [one for one in summary.outages if one.kind == "reads" and one.via == SERVICE]
    of_writers = [one for one in summary.outages if one.kind == "writes"]
    tiles = [_outage_tile("Reads", [step.reads for step in summary.steps], of_service)]
    if len(out) < 2:
        return [*tiles, _outage_tile("Writes", [step.writes for step in summary.steps], of_writers)]
    return tiles + [
        _outage_tile(_LOST.get(what, what), steps, [one for one in of_writers if one.via == what])
        for what, steps in out.items()
    ]


def _outage_tile(name: str, steps: Sequence[Stream], outages: Sequence[Outage]) -> _Tile:
    """The longest outage of a stream; of one that went in and out rather how much was bad in the steps with outages."""
    out = [one for one in steps if one.longest is not None]
    longest = max((one.longest for one in out if one.longest), key=lambda one: one.no_shorter_than_s, default=None)
    more = []
    called = f"{name} out, longest"
    if not any(one.attempts for one in steps):
        told = words.NOT_MEASURED
    elif longest is None:
        told = "none"
    elif len(outages) > cells.MANY:
        called = name
        told = cells.bad(sum(one.bad for one in out), sum(one.attempts for one in out))
        more.append(f"in {len(outages):,} outages, longest {words.bounds(longest)}")
    else:
        told = words.bounds(longest)
        more += [f"of {len(outages):,} outages"] if len(outages) > 1 else []
    if out and out[-1] is steps[-1] and out[-1].out_at_end and longest is not None and longest.first_good is not None:
        more.append("not back at the end")
    worst = max((one.worst_pod for one in steps if one.worst_pod), key=lambda one: one.no_shorter_than_s, default=None)
    more += [f"one pod, {words.short(worst.via)}: {words.bounds(worst)}"] if worst else []
    return called, _e(told) + "".join(f" <small>{_e(each)}</small>" for each in more), any(one.failed for one in steps)


def _slowest(summary: Summary) -> tuple[str, bool]:
    """The slowest recovery of all steps with a fault, and whether one of them failed by it."""
    hit = [step for step in summary.steps if step.recovery.fault_at_s is not None]
    failed = any(check.name == recovery.NAME and check.verdict is Verdict.FAIL for step in hit for check in step.checks)
    known = [step.recovery.recovered_s for step in hit if step.recovery.recovered_s is not None]
    told = next((cells.recovery(step) for step in hit if step.recovery.recovered_s is None), "–")
    if known and len(known) == len(hit):
        told = words.seconds(max(known))
    return _e("not known" if told == "–" else told), failed


def _claim(summary: Summary) -> str:
    run = summary.run
    return claims_table.section(
        [(claims.of(run.claim, run.scenario, _profile(summary), summary.judgement), _e(run.scenario))]
    )


def _profile(summary: Summary) -> str:
    return str(summary.run.stack.get("profile", ""))


def _named(summary: Summary) -> Iterator[tuple[str, StepSummary]]:
    """Each step with a link to what is told of it."""
    return ((f'<a href="#{_anchor(step)}">{_e(words.step(step.step))}</a>', step) for step in summary.steps)


def _steps(summary: Summary) -> str:
    return steps_table.section(
        _named(summary),
        "Of its outages each step has the one that was surely longest, from its lower to its upper bound. Acknowledged "
        "and lost are counted from the run's beginning until the step's pods were read.",
    )


def _timeline(summary: Summary) -> str:
    labels, drawing = svg.timeline(summary)
    names = "".join(
        f'<li class="{label.kind}" style="height:{label.height}px"><span title="{_e(label.text)}">'
        f"{_e(words.short(label.text) if label.kind == 'row' else label.text)}</span></li>"
        for label in labels
    )
    used = [(kind, text) for kind, text in svg.LEGEND if f'class="{kind}"' in drawing or f'class="{kind} ' in drawing]
    legend = "".join(f"<li>{svg.swatch(kind)} {_e(text)}</li>" for kind, text in used)
    return (
        '<section>\n<h2 id="timeline">Timeline</h2>\n'
        '<p class="hint">Minutes and seconds since the run began. The shaded stretches are the steps; a line runs down '
        "from each fault. Gaps in a line are pauses in which nothing was asked. "
        "Latencies are on a logarithmic scale.</p>\n"
        '<div class="figure" role="region" aria-label="Timeline, scrolls sideways" tabindex="0">'
        f'<ul class="labels" aria-hidden="true">{names}</ul><div class="plot">{drawing}</div></div>\n'
        f'<ul class="legend">{legend}</ul>\n</section>'
    )


def _step_by_step(summary: Summary) -> str:
    events = summary.history.of(ClusterEvent)
    parts = [
        _step(
            step,
            _profile(summary),
            [event for event in events if step.step.begin <= event.at <= step.step.end],
            summary.history.of(PodSaid, step=step.step.index),
        )
        for step in summary.steps
    ]
    notes = summary.history.of(Note)
    if notes:
        lines = "".join(
            f"<li><span class=at>{words.clock(n.at)}</span> {_e(n.text)}</li>" for n in notes[:_MOST_EVENTS]
        )
        parts.append(f'<article><h3>Notes</h3><ul class="events">{lines}</ul></article>')
    return '<section>\n<h2 id="details">Step by step</h2>\n' + "\n".join(parts) + "\n</section>"


def _anchor(step: StepSummary) -> str:
    return f"step-{step.step.index + 1}" if step.step.of_plan else "baseline" if step.step.index == BASELINE else "end"


def _step(step: StepSummary, profile: str, events: list[ClusterEvent], said: list[PodSaid]) -> str:
    anchor, name = _anchor(step), f'<span class="no">{step.step.index + 1}</span> {_e(step.step.name)}'
    if not step.step.of_plan:
        name = words.step(step.step)
    facts = (("Done", _done(step)), ("Expected", _expected(step)), ("Happened", _happened(step)))
    listed = "".join(
        f"<div><dt>{name}</dt><dd><ul>{''.join(f'<li>{_e(line)}</li>' for line in lines)}</ul></dd></div>"
        for name, lines in facts
    )
    checks = "".join(_check(check, step.step.index) for check in step.checks) or "<p>No check was made.</p>"
    return (
        f'<article class="{step.verdict.value}" aria-labelledby="{anchor}">\n'
        f'<h3 id="{anchor}">{name} {badge(step.verdict)}</h3>\n'
        f'<dl class="facts">{listed}</dl>\n{_decides(step, profile)}\n<h4>Checks</h4>\n{checks}\n'
        f"{_outages(step)}\n{_said(said)}\n{_events(events)}\n</article>"
    )


def _decides(step: StepSummary, profile: str) -> str:
    """What decided, what was lost, and what to change."""
    judged = StepJudgement(step.step, step.verdict, step.checks)
    facts = claims.deciding(judged)
    listed = "".join(f"<li>{_e(words.sentence(fact))}</li>" for fact in facts[:_MOST_FACTS])
    left = len(facts) - _MOST_FACTS
    listed += f"<li>And {words.count(left, 'more finding')} of all checks, below.</li>" if left > 0 else ""
    parts = [f"<h4>Deciding evidence</h4>\n<ul>{listed}</ul>"] if facts else []
    parts.append(_lost(step))
    changes = claims.changes(judged, profile)
    if changes:
        told = "".join(
            f"<li>{claims_table.advice(text)} <small>For: {_e('; '.join(found[:_MOST_FACTS]))}"
            f"{f'; and {len(found) - _MOST_FACTS:,} more' if len(found) > _MOST_FACTS else ''}.</small></li>"
            for text, found in changes
        )
        parts.append(f'<h4>What to change</h4>\n<ol class="changes">{told}</ol>')
    if step.verdict is not Verdict.PASS and parts:
        texts = [check.reason for check in step.checks if check.verdict is not Verdict.PASS]
        told = "; ".join(f"<b>{_e(word)}</b>: {_e(what)}" for word, what in words.glosses(texts))
        parts.append(f'<p class="hint">{told}.</p>' if told else "")
    return f'<div class="decides">{"".join(filter(None, parts))}</div>' if any(parts) else ""


def _lost_writes(step: StepSummary) -> dict[str, dict[str, Any]]:
    """All writes that were lost by this step, by their kind."""
    found = (check.figures.get("lost_writes") for check in step.checks)
    return next((each for each in found if isinstance(each, dict)), {})


def _lost(step: StepSummary) -> str:
    rows = [
        (
            _e(_LOST.get(what, what)),
            f"{one['number']:,}",
            f"{words.clock(one['first_at_s'])} – {words.clock(one['last_at_s'])}",
            f'<span class="ids">{_e(one["ids"])}</span>',
        )
        for what, one in _lost_writes(step).items()
    ]
    if not rows:
        return ""
    head = ("What", "Lost", "Acknowledged between", "Ids under which they were acknowledged")
    caption = (
        "All of them; times are since the run began. Dots stand for all ids at the same distance; one that was given "
        "to several writes is listed once."
    )
    return (
        f'<h4 id="lost-{_anchor(step)}">Writes that were lost</h4>\n'
        + table(caption, head, rows, numbers=(1,), kind="lost")
        + _still_on(step)
    )


def _still_on(step: StepSummary) -> str:
    """Where the lost writes still are: the primary lacks them, other pods may have them."""
    found = (check.figures.get("lost_still_on") for check in step.checks)
    groups = next((each for each in found if each), ())
    rows = [
        (
            _e(_LOST.get(one["what"], one["what"])),
            f"{one['number']:,}",
            _e(f"{'only ' if len(one['on']) == 1 else ''}{', '.join(one['on'])}") if one["on"] else "<b>no pod</b>",
            f'<span class="ids">{_e(one["ids"])}</span>',
        )
        for one in groups[:MOST_ITEMS]
    ]
    if not rows:
        return ""
    left = len(groups) - MOST_ITEMS
    more = f'<p class="hint">and {left:,} more groups, in report.json</p>' if left > 0 else ""
    head = ("What", "Writes", "Still on", "Ids under which they were acknowledged")
    caption = "Where they still are, though the primary lacks them: each of them is in one line."
    return table(caption, head, rows, numbers=(1,), kind="lost") + more


def _done(step: StepSummary) -> list[str]:
    if step.step.index == BASELINE:
        return ["Nothing yet: this is how it was before the first fault."]
    if not step.step.of_plan:
        return ["Nothing any more: this is how it was when all had been put back."]
    if step.step.action in QUIET:
        return ["Nothing was broken in this step."]
    if not step.begun:
        return [f"{step.step.action} of {step.step.target} was planned, but never done."]
    lines = []
    for action in step.begun:
        detail = f" ({action.detail})" if action.detail else ""
        lines.append(
            f"At {words.clock(action.at)}: {action.action} of {', '.join(action.objects) or 'nothing'}, "
            f"chosen as {step.step.target}{detail}."
        )
    for end in step.ended:
        if end.error:
            lines.append(f"It could not be put in: {end.error}.")
        elif end.happened is None:
            lines.append("Whether it took effect was not looked at.")
        elif not end.happened:
            lines.append("It was looked for, but no effect appeared.")
        for what, change in list(end.effect.items())[:MOST_ITEMS]:
            pair = isinstance(change, (list, tuple)) and len(change) == 2
            told = f"{plain(change[0])} → {plain(change[1])}" if pair else plain(change)
            lines.append(f"Effect seen at {words.clock(end.at)}: {what} {told}.")
    return lines


def _expected(step: StepSummary) -> list[str]:
    limits, lines = step.step.limits, []
    if limits.reads_longest_outage_s is not None:
        lines.append(f"Reads are out for at most {words.limit(limits.reads_longest_outage_s)}.")
    if limits.writes_longest_outage_s is not None:
        lines.append(f"Writes are out for at most {words.limit(limits.writes_longest_outage_s)}.")
    if limits.uploads_longest_outage_s is not None:
        lines.append(f"Uploads are out for at most {words.limit(limits.uploads_longest_outage_s)}.")
    for kind, percentile, limit in limits.slowest:
        lines.append(f"{percentile} of 100 {kind} are answered within {words.limit(limit)}.")
    if limits.may_stay_out:
        kinds = words.sentence(" and ".join(sorted(limits.may_stay_out)))[:-1]
        lines.append(f"{kinds} may still be out at its end; a later step judges that outage.")
    if limits.clone is not None:
        lines.append(f"The database's data: {limits.clone}.")
    lines += [f"{name}: {value}." for name, value in limits.others.items()]
    return [*lines, "Every acknowledged write is still there, once, on every pod; the seed content is intact."]


def _happened(step: StepSummary) -> list[str]:
    lines = [f"Reads out: {cells.outage(step.reads)} ({words.count(step.reads.attempts, 'request')})."]
    lines.append(f"Writes out: {cells.writes(step)} ({words.count(step.writes.attempts, 'attempt')}).")
    if step.uploads.attempts:
        lines.append(f"Uploads out: {cells.outage(step.uploads)} ({words.count(step.uploads.attempts, 'attempt')}).")
    if step.acknowledged is not None:
        told = words.count(step.acknowledged, "write") + " acknowledged since the run began"
        lines.append(f"When the pods were read: {told}, {cells.number(step.lost)} of them lost.")
    for wait in step.waits:
        came = f"after {words.seconds(wait.took_s)}" if wait.satisfied else f"not within {words.seconds(wait.took_s)}"
        came = "not known" if wait.unknown else came
        fault = step.recovery.fault_at_s
        if wait.satisfied and fault is not None and wait.at >= fault:
            came += f" of waiting, {words.seconds(wait.at - fault)} after the fault"
        lines.append(f"{words.sentence(wait.condition)[:-1]}: {came}{f' ({wait.detail})' if wait.detail else ''}.")
    lines += [f"{phrase}." for phrase in step.api_server_away]
    if step.step.problem:
        lines.append(f"Cut short: {step.step.problem}.")
    return lines


def _check(check: CheckResult, step: int) -> str:
    opened = "" if check.verdict is Verdict.PASS else " open"
    advice = f'<p class="advice"><b>What to do:</b> {_e(check.advice)}</p>' if check.advice else ""
    found = _findings(check.figures.get("findings", ()), step)
    rest = {key: value for key, value in check.figures.items() if key != "findings"}
    figures = tables(rest) if rest else "" if found else '<p class="hint">No figures.</p>'
    if found and rest:
        figures = f'<details class="raw"><summary>All figures</summary><div class="inside">{figures}</div></details>'
    return (
        f'<details class="check {check.verdict.value}"{opened}><summary>{badge(check.verdict)} '
        f"<b>{_e(check.name)}</b> <span>{_e(words.sentence(_said_of(check)))}</span></summary>\n"
        f'<div class="inside">{advice}{found}{figures}</div></details>'
    )


def _said_of(check: CheckResult) -> str:
    """A check's reason; where it is a long list of findings, which follow one by one, the first of them."""
    found = check.figures.get("findings", ())
    if len(found) <= _MOST_IN_A_LINE:
        return check.reason
    named = "; ".join(one["text"] for one in found[:_MOST_IN_A_LINE])
    return f"{named}; and {len(found) - _MOST_IN_A_LINE:,} more"


def _findings(findings: Sequence[dict[str, Any]], step: int) -> str:
    """What a check found, and of each whether it was so before the first fault; in the baseline all of it was."""

    def when(one: dict[str, Any]) -> str:
        if step == BASELINE:
            return ""
        return '<b class="old">before the first fault</b> ' if one["before"] else '<b class="new">new</b> '

    lines = "".join(
        f"<li>{when(one)}{_e(words.sentence(one['text']))} <code>{_e(_broken(one))}</code></li>"
        for one in findings[:MOST_ITEMS]
    )
    left = len(findings) - MOST_ITEMS
    more = f"<li>and {left:,} more, in report.json</li>" if left > 0 else ""
    return f'<ul class="findings">{lines}{more}</ul>' if findings else ""


def _broken(finding: dict[str, Any]) -> str:
    """The invariant that a finding breaks, and its key."""
    return " ".join(filter(None, (finding.get("invariant"), finding["key"])))


def _outages(step: StepSummary) -> str:
    if not step.outages:
        return ""
    longest = sorted(step.outages, key=lambda one: (one.via != SERVICE and is_read(one), -one.no_shorter_than_s))
    rows = [
        (
            f"{_e(one.kind)} via {_e(one.via)}",
            _e(words.bounds(one)),
            _moment(one.last_good, one.first_bad),
            _moment(one.last_bad, one.first_good),
            f"{one.attempts:,}",
            _e(", ".join(f"{reason or 'unnamed'} × {number:,}" for reason, number in one.reasons.items())),
        )
        for one in longest[:_MOST_OUTAGES]
    ]
    head = ("What", "Out for", "Began between", "Ended between", "Bad answers", "Reasons")
    left = len(longest) - _MOST_OUTAGES
    more = f'<p class="hint">and {left:,} more, in report.json</p>' if left > 0 else ""
    times = table("Last good and first bad answer, last bad and first good answer.", head, rows, numbers=(4,))
    return (
        f"<details><summary>{words.count(len(longest), 'outage')} in this step</summary>"
        f'<div class="inside">{times}{more}</div></details>'
    )


def _moment(earliest: float | None, latest: float | None) -> str:
    return " – ".join("not seen" if at is None else words.clock(at) for at in (earliest, latest))


def _said(said: list[PodSaid]) -> str:
    """Why pods were not well when the step gave up waiting."""
    parts = "".join(_words(one, one.pod or "the cluster") for one in said[:MOST_ITEMS])
    left = len(said) - MOST_ITEMS
    return parts + (f'<p class="hint">and {left:,} more, in journal.jsonl</p>' if left > 0 else "")


def _words(one: PodSaid, who: str) -> str:
    lines = "\n".join(one.lines)
    return (
        f"<details><summary>What {_e(who)} said when the step gave up waiting, at {words.clock(one.at)}</summary>"
        f'<div class="inside"><pre tabindex="0" role="group" aria-label="{_e(who)}">{_e(lines)}</pre></div></details>'
    )


def _events(events: list[ClusterEvent]) -> str:
    if not events:
        return ""
    lines = "".join(
        f'<li><span class="at">{words.clock(event.at)}</span> <b>{_e(event.reason)}</b> {_e(event.object)}: '
        f"{_e(event.message[:_MOST_CHARACTERS])}</li>"
        for event in events[:_MOST_EVENTS]
    )
    left = len(events) - _MOST_EVENTS
    more = f"<li>and {left:,} more, in journal.jsonl</li>" if left > 0 else ""
    return (
        f"<details><summary>{words.count(len(events), 'event')} of the cluster</summary>"
        f'<div class="inside"><ul class="events">{lines}{more}</ul></div></details>'
    )


def _latency(summary: Summary) -> str:
    rows = [
        (
            _e(words.STREAM.get(one.stream, one.stream)),
            f"{one.answered:,}",
            *(_e(words.latency(value)) for _, value in one.percentiles_s),
            _e(words.latency(one.longest_s)),
        )
        for one in summary.latencies
    ]
    if not rows:
        return '<section>\n<h2 id="latency">Latency</h2>\n<p>Nothing was answered.</p>\n</section>'
    head = ("What", "Answered", *(f"p{p:g}" for p, _ in summary.latencies[0].percentiles_s), "Longest")
    caption = "Good answers only, from when each request was due, over the whole run (nearest rank)."
    skipped = ""
    if summary.skipped:
        what = ", ".join(f"{_e(stream)}: {number:,}" for stream, number in summary.skipped.items())
        skipped = f"<p>Due but never sent, since too many were in flight or nothing led to the cluster: {what}.</p>"
    figures = table(caption, head, rows, numbers=tuple(range(1, len(head))))
    way = f'<p class="hint">{_FORWARDED}</p>' if summary.run.stack.get("reach") == "port-forward" else ""
    drawn = distribution.draw(summary.latencies, {name: [v for _, v in some] for name, some in summary.answers.items()})
    drawn = f'<div class="figure spread-figure">{drawn}</div>'
    hint = '<p class="hint">How many answers took how long: good answers of the whole run, on a logarithmic scale.</p>'
    return f'<section>\n<h2 id="latency">Latency</h2>\n{figures}\n{hint}{drawn}\n{way}{skipped}\n</section>'
