"""All formats of clinical tables, and which of them a file is."""

from __future__ import annotations

from cartopath.cohort.clinical import biotab, cbioportal, firehose, gdc, plain
from cartopath.cohort.clinical.layout import ClinicalFormat
from cartopath.cohort.delimited import TextHead
from cartopath.core.errors import TableError

CLINICAL_FORMATS: tuple[ClinicalFormat, ...] = (
    *(*cbioportal.FORMATS, *biotab.FORMATS, *gdc.FORMATS),
    *(*firehose.FORMATS, *plain.FORMATS),
)
"""In the order in which they are tried: the particular before the plain."""


def clinical_format(head: TextHead, name: str | None) -> ClinicalFormat:
    """Return the format that a study file calls `name`, or the first that recognises the head of a table.

    Raises:
        TableError: There is none of that name.
    """
    if name is None:
        return next(format_ for format_ in CLINICAL_FORMATS if format_.recognise(head))
    by_name = {format_.name: format_ for format_ in CLINICAL_FORMATS}
    if name not in by_name:
        raise TableError(f"no format {name!r} of clinical tables (there are: {', '.join(by_name)})")
    return by_name[name]
