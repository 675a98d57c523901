"""Clinical tables, one module per family of formats: `registry` lists them, `layout` says what a format must tell [F12].

`reading` reads one table or joins several by patient, `folders` finds the tables of a folder, `table` is what comes out.
"""

from cartopath.cohort.clinical.reading import read_clinical
from cartopath.cohort.clinical.registry import CLINICAL_FORMATS
from cartopath.cohort.clinical.table import Clinical, find_column, match_column, number_column

__all__ = ["CLINICAL_FORMATS", "Clinical", "find_column", "match_column", "number_column", "read_clinical"]
