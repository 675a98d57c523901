"""Run a range of mutations in child processes and name those that do what must not happen."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

HANG_S = 10.0
START_S = 120.0
FINE = ("ok", "refused")
CHILD = Path(__file__).with_name("fuzz_child.py")


@dataclass
class Campaign:
    """What became of the mutations.

    Attributes:
        verdicts: Mutations by kind of slide and verdict (`ok`, `refused`, `bad`).
        bad: One line for each that did what must not happen.
    """

    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)


def run_campaign(folder: Path, first: int, last: int, *, child: Path = CHILD) -> Campaign:
    """Use the mutations `first` to `last - 1`; each child goes on until it is done, dies or hangs."""
    found, begin, number = Campaign(), first, 0
    while begin < last:
        culprit, why = _run_child(child, folder / f"child-{first}-{number}", begin, last, found)
        if culprit is None:
            break
        if culprit < begin:
            found.bad.append(f"seeds {begin} to {last - 1}: {why} before the first of them")
            break
        _, alone = _run_child(child, folder / f"child-{first}-{number}-alone", culprit, culprit + 1, Campaign())
        found.bad.append(f"seed {culprit}: {why}; alone: {alone or 'fine, so it takes those before it'}")
        begin, number = culprit + 1, number + 1
    return found


def _run_child(script: Path, folder: Path, begin: int, end: int, found: Campaign) -> tuple[int | None, str]:
    """Return the seed at which the child ended too early, and how; None if it did not."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-W", "error", str(script), str(folder), str(begin), str(end)]
    with (folder / "stderr").open("wb") as stderr, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr) as child:
        assert child.stdout is not None
        at, patience, buffered = begin - 1, START_S, b""
        while True:
            ready, _, _ = select.select([child.stdout], [], [], patience)
            chunk = child.stdout.read1() if ready else b""
            if not chunk:
                if not ready:
                    child.kill()
                break
            *lines, buffered = (buffered + chunk).split(b"\n")
            for line in lines:
                at, patience = _note(line.decode(errors="replace"), found), HANG_S
        code = child.wait()
    if not ready:
        return at, f"hangs for more than {patience:g} s"
    if code == 0:
        return None, ""
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return at, f"{how} {_last_words(folder / 'stderr')}"


def _note(line: str, found: Campaign) -> int:
    word, seed, *rest = line.split(" ", 3)
    if word == "end":
        kind, verdict = " ".join(rest).split("|", 1)
        if verdict in FINE:
            found.verdicts[kind, verdict] += 1
        else:
            found.verdicts[kind, "bad"] += 1
            found.bad.append(f"seed {seed} ({kind}): {verdict}")
    return int(seed)


def _last_words(path: Path) -> str:
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[:6])[:1000]
