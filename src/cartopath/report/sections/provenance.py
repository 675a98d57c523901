"""What failed, and where everything comes from: configuration, versions, seeds, time."""

from __future__ import annotations

from typing import Any

from cartopath.report.blocks import Block, Cell, Grid, Listing, Paragraph, Section, number_columns, text_columns
from cartopath.report.numbers import count, counted, duration, is_known
from cartopath.report.results import StudyResults
from cartopath.report.sections.cohort import MOST_ROWS

Entry = dict[str, Any]


def failures_section(results: StudyResults) -> Section:
    """List every task whose last outcome was a failure, with its reason."""
    if not results.ledger:
        return Section(
            "failures",
            "Failures",
            (Paragraph("Failures: nothing to show, because ledger.jsonl is missing or empty.", "missing"),),
        )
    failed = [entry for entry in last_outcomes(results) if entry.get("outcome") == "failed"]
    if not failed:
        return Section("failures", "Failures", (Paragraph("No task of the last run failed."),))
    rows = tuple(
        (Cell(_text(e, "stage")), Cell(_text(e, "task")), Cell(_text(e, "reason") or "no reason recorded"))
        for e in failed[:MOST_ROWS]
    )
    more = (f"{len(failed) - MOST_ROWS:,} more in the file.",) if len(failed) > MOST_ROWS else ()
    grid = Grid(f"{counted(len(failed), 'task')} failed.", text_columns("Stage", "Task", "Reason"), rows, "", more)
    return Section("failures", "Failures", (grid,))


def last_outcomes(results: StudyResults) -> list[Entry]:
    """Return the last entry of each task that was not just skipped, in the order of the ledger."""
    last: dict[tuple[str, str], Entry] = {}
    for entry in results.ledger:
        task = (_text(entry, "stage"), _text(entry, "task"))
        if entry.get("outcome") != "skipped" or task not in last:
            last[task] = entry
    return list(last.values())


def provenance_section(results: StudyResults) -> Section:
    """Show how to make all this again."""
    blocks: list[Block] = [*_stages(results), *_versions(results)]
    if results.config_text:
        seed = results.config.get("seed")
        if seed is not None:
            blocks.append(Paragraph(f"All random numbers come from named streams of the seed {seed}."))
        blocks.append(Listing("Resolved configuration (study.lock.yaml)", results.config_text))
    else:
        blocks.append(
            Paragraph("Configuration: nothing to show, because study.lock.yaml is missing; `cartopath run` writes it.", "missing")
        )
    return Section("provenance", "Provenance", tuple(blocks))


def _stages(results: StudyResults) -> list[Block]:
    if not results.ledger:
        return [Paragraph("Ledger: nothing to show, because ledger.jsonl is missing or empty.", "missing")]
    seconds: dict[str, float] = {}
    for entry in results.ledger:
        if entry.get("outcome") == "started":
            continue
        value = entry.get("seconds")
        seconds[_text(entry, "stage")] = seconds.get(_text(entry, "stage"), 0.0) + (float(value) if is_known(value) else 0.0)  # type: ignore[arg-type]
    outcomes = last_outcomes(results)
    rows = []
    for stage, total in seconds.items():
        of_stage = [str(entry.get("outcome", "")) for entry in outcomes if _text(entry, "stage") == stage]
        rows.append(
            (
                Cell(stage),
                *(Cell(count(n)) for n in (len(of_stage), of_stage.count("done"), of_stage.count("failed"))),
                Cell(duration(total)),
            )
        )
    rows.append((Cell("all", tone="strong"), *(Cell("") for _ in range(3)), Cell(duration(sum(seconds.values())), tone="strong")))
    starts = [_text(entry, "time") for entry in results.ledger if entry.get("outcome") == "started"]
    notes = [_runs(starts)] if starts else []
    notes.append("Time is the sum over tasks, which run side by side on several workers; repeated runs add up.")
    if results.ledger_damaged:
        notes.append(f"{counted(results.ledger_damaged, 'line')} of the ledger could not be read.")
    columns = (*text_columns("Stage"), *number_columns("Tasks", "done", "failed", "Time"))
    return [Grid("Tasks and time by stage (ledger.jsonl).", columns, tuple(rows), "", tuple(notes))]


def _runs(starts: list[str]) -> str:
    return f"1 run, started {starts[0]}." if len(starts) == 1 else f"{len(starts):,} runs, from {starts[0]} to {starts[-1]}."


def _versions(results: StudyResults) -> list[Block]:
    found: dict[str, list[str]] = {}
    for entry in results.ledger:
        versions = entry.get("versions")
        for name, version in (versions if isinstance(versions, dict) else {}).items():
            if str(version) not in found.setdefault(str(name), []):
                found[str(name)].append(str(version))
    if not found:
        return []
    rows = tuple((Cell(name), Cell(", then ".join(found[name]))) for name in sorted(found, key=str.casefold))
    return [Grid("Versions of the software, as the tasks recorded them.", text_columns("Software", "Version"), rows)]


def _text(entry: Entry, key: str) -> str:
    value = entry.get(key)
    return "" if value is None else str(value)
