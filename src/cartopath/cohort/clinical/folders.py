"""Which clinical tables a folder holds: of a cBioPortal study, of a download from the GDC portal, of BCR biotab files."""

from __future__ import annotations

from pathlib import Path

from cartopath.core.errors import TableError

_PATTERNS = (
    # cBioPortal: the names of its documentation, the plural that older studies have, and the one file of still older ones.
    ("data_clinical*patient*.txt", "data_clinical*sample*.txt", "data_clinical.txt"),
    # GDC portal, unpacked.
    ("clinical.tsv", "follow_up.tsv"),
    # BCR biotab, as gdc-client leaves them: each in a folder of its own.
    ("**/*clinical_patient_*.txt", "**/*clinical_follow_up_*.txt"),
)


def clinical_files(folder: Path) -> list[Path]:
    """Return the clinical tables of a folder, in the order in which they are joined.

    Raises:
        TableError: There is none.
    """
    for patterns in _PATTERNS:
        found = [path for pattern in patterns for path in sorted(folder.glob(pattern)) if _counts(path, folder)]
        if found:
            return list(dict.fromkeys(found))
    wanted = ", ".join(pattern.removeprefix("**/") for patterns in _PATTERNS for pattern in patterns)
    raise TableError(f"{folder}: a folder without clinical tables (looked for {wanted}); name the table itself")


def _counts(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    # Biotab has follow-up files of new tumour events, whose days are those of another tumour.
    return path.is_file() and not hidden and "_nte_" not in path.name
