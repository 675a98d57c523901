"""Names of genes and miRNAs [F10]."""

import pytest

from cartopath.cohort.features import FeatureIndex
from cartopath.core.errors import TraitError

PANCAN = FeatureIndex(
    ["?|100130426", "MKI67|4288", "TP53|7157", "TP53BP1|7158", "SLC35E2|728661", "SLC35E2|9906", "WARS|7453"], "eb.tsv"
)
MIRNAS = FeatureIndex(["hsa-mir-17", "hsa-miR-17-5p", "hsa-miR-17-3p", "hsa-mir-175"], "mirna.csv")
ENSEMBL = FeatureIndex(["ENSG00000148773.14", "ENSG00000091831.20", "ENSG00000280987.4"], "counts.parquet")
PORPOISE = FeatureIndex(["ESR1_rnaseq", "TP53_rnaseq", "TP53_mut"], "all_clean.csv")


@pytest.mark.parametrize("name", ["MKI67", "MKI67|4288", "mki67", " MKI67 "])
def test_symbol_and_symbol_with_entrez_are_one_trait(name):
    assert PANCAN.find(name) == "MKI67|4288"


def test_a_symbol_with_entrez_finds_the_bare_symbol():
    assert FeatureIndex(["MKI67"], "t").find("MKI67|4288") == "MKI67"


def test_another_entrez_number_is_another_gene():
    with pytest.raises(TraitError, match=r"no gene 'MKI67|9999'"):
        PANCAN.find("MKI67|9999")


def test_a_typing_error_names_the_closest_first():
    with pytest.raises(TraitError, match=r"eb.tsv: no gene 'TP35' \(7 features; closest: TP53\|7157"):
        PANCAN.find("TP35")


def test_a_symbol_of_two_rows_is_refused_with_both():
    with pytest.raises(TraitError, match=r"SLC35E2\|728661, SLC35E2\|9906"):
        PANCAN.find("SLC35E2")
    assert PANCAN.find("SLC35E2|9906") == "SLC35E2|9906"


def test_a_row_that_is_there_twice_is_refused():
    with pytest.raises(TraitError, match="'ESR1' is there 2 times"):
        FeatureIndex(["ESR1", "MYC", "ESR1"], "t").find("ESR1")


def test_a_retired_symbol_finds_the_gene_and_the_other_way_round():
    assert PANCAN.find("WARS1") == "WARS|7453"
    assert FeatureIndex(["WARS1"], "t").find("WARS") == "WARS1"


@pytest.mark.parametrize("name", ["MKI67", "MKI67|4288", "ENSG00000148773", "ENSG00000148773.14", "ENSG00000148773.3"])
def test_ensembl_ids_are_found_by_symbol_and_without_their_version(name):
    assert ENSEMBL.find(name) == "ENSG00000148773.14"


def test_an_unlisted_symbol_in_a_table_of_ensembl_ids_says_what_to_write():
    with pytest.raises(TraitError, match=r"name the gene as ENSG\.\.\."):
        ENSEMBL.find("TIMP3")


def test_precursor_and_mature_arms_are_different_things():
    assert [MIRNAS.find(name) for name in ("hsa-mir-17", "hsa-miR-17-5p", "hsa-miR-17-3p")] == [
        "hsa-mir-17",
        "hsa-miR-17-5p",
        "hsa-miR-17-3p",
    ]
    with pytest.raises(TraitError, match="no miRNA 'hsa-miR-17'"):
        MIRNAS.find("hsa-miR-17")


def test_a_mature_arm_in_a_table_of_precursors_names_the_precursor_and_why():
    with pytest.raises(TraitError, match=r"closest: hsa-mir-17, .*precursors, not mature arms"):
        FeatureIndex(["hsa-mir-3175", "hsa-mir-17", "hsa-mir-1275"], "rpm.tsv").find("hsa-miR-17-5p")


def test_a_mirna_in_a_table_of_genes_says_that_there_are_none():
    with pytest.raises(TraitError, match="none of them a miRNA"):
        PANCAN.find("hsa-miR-21-5p")


def test_expression_of_a_porpoise_table_is_found_by_its_symbol():
    assert PORPOISE.find("TP53") == "TP53_rnaseq"
    assert PORPOISE.find("TP53_mut") == "TP53_mut"
