"""Expression files of a cBioPortal study folder (`data_mrna_seq_v2_rsem.txt`, `data_expression_median.txt`, ...).

The study's own `meta_*.txt` says what the values are; where it is not beside the file, the file's name does.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cartopath.cohort.cells import name_key
from cartopath.cohort.matrices.layout import MatrixFormat, MatrixHead, MatrixLayout, look_at
from cartopath.cohort.matrices.measure import UNKNOWN_UNIT, Measure
from cartopath.core.errors import TableError

_ANNOTATIONS = {"hugosymbol", "entrezgeneid", "cytoband", "compositeelementref", "genepanel"}

_UNITS = {
    "rsem": "RSEM",
    "v2_mrna": "RSEM",
    "tpm": "TPM",
    "fpkm_uq": "FPKM-UQ",
    "fpkm": "FPKM",
    "rpkm": "RPKM",
    "cpm": "counts per million",
    "counts": "counts",
    "rppa": "protein array",
    "protein": "protein",
    "methylation": "methylation",
    "gistic": "copy number",
    "cna": "copy number",
    "agilent": "microarray",
    "u133": "microarray",
    "microarray": "microarray",
}
"""What words in a profile's name say of the unit, the particular before the general."""

_MAX_META = 1 << 16
"""Bytes of a meta file; real ones have a few hundred."""


def _recognise(head: MatrixHead) -> bool:
    return any(name_key(name) == "hugosymbol" for name in head.header[:3])


def _layout(head: MatrixHead) -> MatrixLayout:
    keys = [name_key(name) for name in head.header]
    if "hugosymbol" not in keys:
        raise TableError(f"{head.path}: not a cBioPortal expression file: no column Hugo_Symbol")
    values = tuple(index for index, key in enumerate(keys) if key not in _ANNOTATIONS)
    if not values:
        raise TableError(f"{head.path}: no column of a sample beside the gene names")
    entrez = keys.index("entrezgeneid") if "entrezgeneid" in keys else None
    measure = _measure(head, values)
    return MatrixLayout("genes-by-samples", labels=keys.index("hugosymbol"), values=values, measure=measure, entrez=entrez)


def _measure(head: MatrixHead, values: tuple[int, ...]) -> Measure:
    meta = _meta(head.path)
    said = " ".join((meta.get("stable_id", ""), head.path.name, meta.get("profile_name", ""))).casefold().replace("-", "_")
    unit = next((unit for word, unit in _UNITS.items() if word in said), UNKNOWN_UNIT)
    datatype = meta.get("datatype", "").casefold()
    if datatype == "z-score" or (not meta and "zscore" in said):
        return Measure(unit, "z-score")
    if datatype == "log2-value":
        return Measure(unit, "log2")
    looks = look_at(head, values, "genes-by-samples")
    if unit == UNKNOWN_UNIT:
        return looks
    return replace(looks, unit=unit) if looks.transform != "none" else Measure(unit, "none")


def _meta(data: Path) -> dict[str, str]:
    """Return what the `meta_*.txt` of a data file says: the one of its name, or one that names it."""
    named = data.with_name("meta_" + data.name.removeprefix("data_"))
    for path in [named, *sorted(data.parent.glob("meta_*.txt"))]:
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                pairs = [line.partition(":") for line in file.read(_MAX_META).splitlines()]
        except OSError:
            continue
        meta = {key.strip().casefold(): value.strip() for key, _, value in pairs}
        if path == named or meta.get("data_filename") == data.name:
            return meta
    return {}


FORMATS = (
    MatrixFormat("cbioportal", "cBioPortal expression file: Hugo_Symbol, Entrez_Gene_Id, then samples", _recognise, _layout),
)
