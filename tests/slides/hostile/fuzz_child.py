"""Use mutated slides one after the other and say how each went: `python fuzz_child.py FOLDER FIRST LAST`.

A process of its own, because what it looks for are mutations that end the process. It prints `begin SEED` before and
`end SEED KIND|VERDICT` after each one; the verdict is `ok`, `refused` or what must not happen.
"""

from __future__ import annotations

import faulthandler
import resource
import shutil
import sys
import traceback
from pathlib import Path

from mutations import mutated
from small_slides import BASES, DAMAGED, STATED
from use_slide import use_slide

MEMORY = 1536 << 20
"""Address space, in bytes, that a child may take on top of what it has after its imports."""


def main() -> None:
    folder, first, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    names, contents = {}, {}
    for kind, make in BASES.items():
        made = folder / kind
        made.mkdir(parents=True)
        intact = make(made)
        assert use_slide(intact, STATED.get(kind)).leaked <= 16  # first use of a library opens its files
        names[kind], contents[kind] = intact.name, (made / DAMAGED.get(kind, intact.name)).read_bytes()
    faulthandler.enable()
    limit = _address_space() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    scratch = folder / "scratch"
    for seed in range(first, last):
        sys.stdout.write(f"begin {seed}\n")
        sys.stdout.flush()
        kind, content = mutated(seed, contents)
        shutil.copytree(folder / kind, scratch)
        path = scratch / names[kind]
        (scratch / DAMAGED.get(kind, path.name)).write_bytes(content)
        sys.stdout.write(f"end {seed} {kind}|{_verdict(path, STATED.get(kind))}\n")
        sys.stdout.flush()
        shutil.rmtree(scratch)


def _verdict(path: Path, stated: float | None) -> str:
    try:
        used = use_slide(path, stated, assume_mpp=0.5)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it should have been a SlideError
        traceback.print_exc()
        return f"{type(error).__name__}: {error}".replace("\n", " ")
    if used.leaked > 0:
        return f"{used.leaked} descriptors leaked"
    if used.error is None:
        return "ok"
    return "refused" if path.name in str(used.error) else f"an error that does not name the file: {used.error}"


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    main()
