"""The tables of a simulated cohort in the formats that real cohorts come in: PanCanAtlas matrices, a cBioPortal study file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Symbols and Entrez numbers, as the PanCanAtlas matrix writes them; the genes of the cartography paper come first.
ENTREZ = {
    "MKI67": 4288,
    "FOXA1": 3169,
    "MYC": 4609,
    "ESR1": 2099,
    "CD24": 100133941,
    "FOXC1": 2296,
    "ERBB2": 2064,
    "EGFR": 1956,
    "KRAS": 3845,
    "CD274": 29126,
    "PGR": 5241,
    "XIST": 7503,
    "RPS4Y1": 6192,
    "TP53": 7157,
    "TP53BP1": 7158,
    "KRT14": 3861,
    "KRT18": 3875,
    "GATA3": 2625,
    "CDH1": 999,
    "VIM": 7431,
    "CD8A": 925,
    "CD3E": 916,
    "COL1A1": 1277,
    "ACTA2": 59,
    "PTPRC": 5788,
    "ACTB": 60,
    "GAPDH": 2597,
    "AURKA": 6790,
    "CCNB1": 891,
    "TOP2A": 7153,
}
MIRNAS = (
    "hsa-let-7a-5p",
    "hsa-let-7c-5p",
    "hsa-miR-17-3p",
    "hsa-miR-17-5p",
    "hsa-miR-21-3p",
    "hsa-miR-21-5p",
    "hsa-miR-29a-3p",
    "hsa-miR-155-5p",
    "hsa-miR-200c-3p",
    "hsa-miR-210-3p",
)
# The first rows of the real matrix are transcripts without a symbol.
_UNNAMED = ("?|100130426", "?|100133144", "?|100134869")
_FIRST_INVENTED_ENTREZ = 900_000_001

Values = Mapping[str, NDArray[np.float64]]


def is_mirna(trait: str) -> bool:
    """Whether a trait is a miRNA: its name starts with "hsa-".

    >>> is_mirna("hsa-miR-17-5p"), is_mirna("MKI67")
    (True, False)
    """
    return trait.startswith("hsa-")


def gene_ids(traits: Sequence[str]) -> dict[str, str]:
    """Return the `gene_id` of every gene of the matrix, by symbol; traits that are no known symbol get an invented number."""
    numbers = dict(ENTREZ)
    for trait in traits:
        if not is_mirna(trait):
            numbers.setdefault(trait, _FIRST_INVENTED_ENTREZ + len(numbers))
    return {symbol: f"{symbol}|{number}" for symbol, number in numbers.items()}


def expression_matrix(aliquots: Sequence[str], planted: Values, rng: np.random.Generator) -> str:
    """Return a PanCanAtlas EB++ mRNA matrix as text: tab-separated, `gene_id` and one column per aliquot.

    Args:
        aliquots: Barcodes of the columns.
        planted: Values of planted genes, one per aliquot; all other genes are noise.
        rng: Where the other genes come from.
    """
    rows = {name: _noise(rng, len(aliquots), scarce=True) for name in _UNNAMED}
    for symbol, gene_id in gene_ids(list(planted)).items():
        noise = _noise(rng, len(aliquots))
        rows[gene_id] = planted.get(symbol, noise)
    return _matrix(rows, aliquots, first="gene_id", separator="\t")


def mirna_matrix(aliquots: Sequence[str], planted: Values, rng: np.random.Generator) -> str:
    """Return a PanCanAtlas EB miRNA matrix as text: comma-separated, `Genes`, `Correction` and one column per aliquot."""
    rows = {}
    for name in sorted({*MIRNAS, *planted}):
        noise = _noise(rng, len(aliquots))
        rows[name] = planted.get(name, noise)
    return _matrix(rows, aliquots, first="Genes", separator=",", annotation=("Correction", "Corrected"))


def _noise(rng: np.random.Generator, n: int, *, scarce: bool = False) -> NDArray[np.float64]:
    level = rng.uniform(0.0, 1.5) if scarce else rng.uniform(4.0, 9.0)
    values: NDArray[np.float64] = np.exp(level + rng.uniform(0.3, 1.0) * rng.standard_normal(n))
    return np.where(rng.random(n) < 0.4, 0.0, values) if scarce else values


def _matrix(
    rows: Values, aliquots: Sequence[str], *, first: str, separator: str, annotation: tuple[str, str] | None = None
) -> str:
    extra_head, extra = ([annotation[0]], [annotation[1]]) if annotation else ([], [])
    lines = [separator.join([first, *extra_head, *aliquots])]
    for name, values in rows.items():
        lines.append(separator.join([name, *extra, *(f"{value:.6g}" for value in values)]))
    return "\n".join(lines) + "\n"


# Attribute, name shown, description, type: what the four comment lines of a cBioPortal clinical file say.
_CLINICAL = (
    ("PATIENT_ID", "#Patient Identifier", "#Identifier to uniquely specify a patient.", "#STRING"),
    ("AGE", "Diagnosis Age", "Age at which a condition or disease was first diagnosed.", "NUMBER"),
    ("SEX", "Sex", "Sex", "STRING"),
    ("OS_STATUS", "Overall Survival Status", "Overall patient survival status.", "STRING"),
    ("OS_MONTHS", "Overall Survival (Months)", "Overall survival in months since initial diagnosis.", "NUMBER"),
    ("ER_STATUS_BY_IHC", "ER Status By IHC", "ER Status By IHC", "STRING"),
    ("PR_STATUS_BY_IHC", "PR status by ihc", "PR status by ihc", "STRING"),
    ("IHC_HER2", "IHC-HER2", "IHC-HER2", "STRING"),
    ("PAM50", "PAM50", "Intrinsic subtype by the PAM50 classifier", "STRING"),
)
_NOT_AVAILABLE = "[Not Available]"


def clinical_table(patients: Sequence[str], survival: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the clinical columns of patients; receptors, subtype, age and sex are unrelated to what is planted.

    Args:
        patients: Their barcodes.
        survival: `months` and `event`, one row per patient in the same order.
        rng: Where the unrelated columns come from.
    """
    n = len(patients)

    def pick(values: Sequence[str], shares: Sequence[float]) -> NDArray[np.str_]:
        return rng.choice(np.array(values), size=n, p=shares)

    return pd.DataFrame(
        {
            "PATIENT_ID": list(patients),
            "AGE": np.clip(np.round(rng.normal(58, 13, size=n)), 26, 90).astype(int),
            "SEX": pick(["Female", "Male"], [0.99, 0.01]),
            "OS_STATUS": np.where(survival["event"], "1:DECEASED", "0:LIVING"),
            "OS_MONTHS": [f"{months:.2f}" for months in survival["months"]],
            "ER_STATUS_BY_IHC": pick(["Positive", "Negative", "Indeterminate", _NOT_AVAILABLE], [0.73, 0.22, 0.01, 0.04]),
            "PR_STATUS_BY_IHC": pick(["Positive", "Negative", "Indeterminate", _NOT_AVAILABLE], [0.63, 0.32, 0.01, 0.04]),
            "IHC_HER2": pick(["Negative", "Positive", "Equivocal", _NOT_AVAILABLE], [0.58, 0.16, 0.16, 0.10]),
            "PAM50": pick(["LumA", "LumB", "Basal", "Her2", "Normal"], [0.48, 0.22, 0.17, 0.09, 0.04]),
        }
    )


def clinical_file(table: pd.DataFrame) -> str:
    """Return a cBioPortal `data_clinical_patient.txt` as text: four comment lines, a header, one line per patient."""
    names, descriptions, types = ([row[i] for row in _CLINICAL] for i in (1, 2, 3))
    priorities = ["#1"] + ["1"] * (len(_CLINICAL) - 1)
    lines = ["\t".join(line) for line in (names, descriptions, types, priorities)]
    lines.append("\t".join(attribute for attribute, *_ in _CLINICAL))
    lines += ["\t".join(map(str, row)) for row in table[[row[0] for row in _CLINICAL]].itertuples(index=False)]
    return "\n".join(lines) + "\n"
