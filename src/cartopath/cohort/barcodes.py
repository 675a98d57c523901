"""TCGA barcodes: which patient, sample and slide a name speaks of [F08].

A barcode grows from left to right, `TCGA-49-4488` (patient), `-01A` (sample type and vial), `-11R` (portion and analyte) and then
either plate and centre of an aliquot (`-A085-13`) or the section on a slide (`-DX10`, `-TS1`, `-BSA`). Matching is by field and
never by prefix, so that DX10 is not DX1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PRIMARY_TUMOUR = "01"
DIAGNOSTIC = "DX"

_SAMPLE_TYPES = {
    "01": "primary tumour",
    "02": "recurrent tumour",
    "03": "primary blood cancer",
    "04": "recurrent blood cancer (marrow)",
    "05": "additional new primary",
    "06": "metastasis",
    "07": "additional metastasis",
    "10": "normal blood",
    "11": "normal tissue",
    "12": "normal buccal cells",
    "14": "normal bone marrow",
    "20": "control",
}
_GDC_WORDS = {
    "primary tumor": "01",
    "primary": "01",
    "recurrent tumor": "02",
    "recurrence": "02",
    "additional - new primary": "05",
    "new primary": "05",
    "metastatic": "06",
    "metastasis": "06",
    "additional metastatic": "07",
    "blood derived normal": "10",
    "solid tissue normal": "11",
}

_BARCODE = re.compile(
    r"""TCGA(?P<dash>[-._])(?P<site>[A-Z0-9]{2})(?P=dash)(?P<participant>[A-Z0-9]{4})
        (?:(?P=dash)(?P<sample_type>\d{2})(?P<vial>[A-Z])?
            (?:(?P=dash)(?P<portion>\d{2})(?P<analyte>[A-Z])?
                (?:(?P=dash)(?:
                    (?P<kind>DX|TS|BS|MS)(?P<order>[A-Z]|\d{1,3})?
                    |(?P<plate>[A-Z0-9]{4})(?:(?P=dash)(?P<center>\d{2}))?
                ))?
            )?
        )?
        (?=$|[.|_\s])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Barcode:
    """The fields of a TCGA barcode; what it does not reach is "" (or None for the slide's number).

    Attributes:
        patient_id: `TCGA-49-4488`.
        site: Code of the tissue source site, `49`.
        sample_type: `01` primary tumour, `02` recurrence, `06` metastasis, `11` normal tissue, ...
        vial: `A`, `B`, ... of the frozen sample; `Z` for the diagnostic block.
        portion: Two digits.
        analyte: `R` for RNA, `D` for DNA, ...
        plate: Four characters; later plates are later runs.
        center: Two digits.
        slide_kind: `DX` diagnostic (FFPE), `TS`, `MS`, `BS` top, middle and bottom frozen section; "" if no slide.
        slide_number: 10 for `DX10`; None where the section has a letter or no order.
        slide_id: The whole barcode of the slide without the UUID after it; "" if no slide.
    """

    patient_id: str
    site: str
    sample_type: str = ""
    vial: str = ""
    portion: str = ""
    analyte: str = ""
    plate: str = ""
    center: str = ""
    slide_kind: str = ""
    slide_number: int | None = None
    slide_id: str = ""

    @property
    def sample_id(self) -> str:
        """Patient and sample type without the vial, `TCGA-49-4488-01`; "" for the barcode of a patient."""
        return f"{self.patient_id}-{self.sample_type}" if self.sample_type else ""

    @property
    def is_primary(self) -> bool:
        """Whether the sample is a primary solid tumour."""
        return self.sample_type == PRIMARY_TUMOUR


def parse_barcode(text: str) -> Barcode | None:
    """Read the TCGA barcode at the start of `text`, or return None where there is none.

    What may follow it is the end, or a dot, bar, underscore or space and anything (`.<uuid>.svs`, `|171a4828`). Dots (R's
    `make.names`) or underscores instead of dashes and small letters are understood.

    >>> parse_barcode("TCGA-49-4488-01Z-00-DX10.930e7dc2.svs").slide_number
    10
    >>> parse_barcode("TCGA.AN.A0AT.01A.11R.A034.07").sample_id
    'TCGA-AN-A0AT-01'
    >>> parse_barcode("slide_07.svs") is None
    True
    """
    match = _BARCODE.match(text.strip().upper())
    if match is None:
        return None
    fields = {key: value or "" for key, value in match.groupdict().items()}
    kind, order = fields["kind"], fields["order"]
    return Barcode(
        patient_id=f"TCGA-{fields['site']}-{fields['participant']}",
        site=fields["site"],
        sample_type=fields["sample_type"],
        vial=fields["vial"],
        portion=fields["portion"],
        analyte=fields["analyte"],
        plate=fields["plate"],
        center=fields["center"],
        slide_kind=kind,
        slide_number=int(order) if order.isdigit() else None,
        slide_id=match.group().replace(fields["dash"], "-") if kind else "",
    )


def patient_of(text: str) -> str:
    """Return the patient that a TCGA barcode belongs to, or `text` itself, stripped, where it is none.

    >>> patient_of("TCGA-AN-A0AT-01A"), patient_of(" P007 ")
    ('TCGA-AN-A0AT', 'P007')
    """
    barcode = parse_barcode(text)
    return barcode.patient_id if barcode else text.strip()


def sample_type_name(code: str) -> str:
    """Return the words for a two-digit sample type.

    >>> sample_type_name("06"), sample_type_name("")
    ('metastasis', 'unknown')
    """
    return _SAMPLE_TYPES.get(code, f"sample type {code}" if code else "unknown")


def sample_type_code(words: str) -> str:
    """Return the two digits for the GDC's words for a type of sample, "" where they say nothing.

    Several equal ones separated by commas, as in a sample sheet, are one.

    >>> sample_type_code("Primary Tumor"), sample_type_code("Solid Tissue Normal, Solid Tissue Normal"), sample_type_code("--")
    ('01', '11', '')
    """
    codes = {_GDC_WORDS.get(part.strip().casefold(), "") for part in words.split(",")}
    return codes.pop() if len(codes) == 1 else ""
