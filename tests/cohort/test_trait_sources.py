"""Traits wherever they are."""

import pytest

from cartopath.cohort import TraitRequest, find_trait, open_molecular, read_clinical, read_traits
from cartopath.core.errors import TraitError


@pytest.fixture
def molecular(write, matrix, golden):
    return open_molecular(write("eb.tsv", matrix("gene_id", golden.genes, golden.samples, golden.values)))


@pytest.fixture
def clinical(write):
    rows = [
        "patient_id,ER Status By IHC,Diagnosis Age,PAM50,gender",
        "TCGA-AA-0001,Positive,50,Basal-like,female",
        "TCGA-AA-0002,Negative,60,Luminal A,female",
        "TCGA-AA-0003,Indeterminate,70,Luminal A,male",
    ]
    return read_clinical(write("clinical.csv", "\n".join(rows) + "\n"))


@pytest.mark.parametrize(
    ("request_", "source", "column"),
    [
        ("MKI67", "molecular", "MKI67|4288"),
        ("diagnosis_age", "clinical", "Diagnosis Age"),
        ("ER Status By IHC", "receptor", "ER"),
        ("ER", "receptor", "ER"),
        (TraitRequest("oestrogen", column="er status by ihc"), "receptor", "ER"),
        (TraitRequest("subtype", column="pam50"), "clinical", "PAM50"),
    ],
)
def test_a_trait_is_found_where_it_is(molecular, clinical, request_, source, column):
    found = find_trait(request_, molecular, clinical)
    assert (found.source, found.column) == (source, column)


def test_an_absent_trait_names_the_closest_of_both_tables(molecular, clinical):
    with pytest.raises(TraitError, match=r"trait 'Diagnosis Aeg': .*no gene.*closest: Diagnosis Age"):
        find_trait("Diagnosis Aeg", molecular, clinical)


def test_a_stated_column_without_a_clinical_table_says_so(molecular):
    with pytest.raises(TraitError, match="and the study has none"):
        find_trait(TraitRequest("ER", column="er_ihc"), molecular, None)


def test_genes_receptors_and_columns_are_read_together(molecular, clinical):
    gene, receptor, age = read_traits(["ESR1", "ER", "Diagnosis Age"], molecular, clinical)
    assert (gene.kind, receptor.kind, age.kind) == ("continuous", "binary", "continuous")
    assert gene.values.to_dict() == {"TCGA-AA-0001": 5.0, "TCGA-AA-0002": 6000.0, "TCGA-AA-0003": 70.5}
    assert receptor.values.tolist() == ["hi", "lo", ""]
    assert age.values.tolist() == [50.0, 60.0, 70.0]
    assert gene.values.name == "ESR1" and gene.unit == molecular.unit
