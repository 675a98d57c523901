"""Names of genes and miRNAs across vocabularies, stated tables of names, and names that a spreadsheet destroyed [F10, F62]."""

import csv
from importlib import resources

import pytest

from cartopath.cohort import open_molecular
from cartopath.cohort.features import FeatureIndex
from cartopath.cohort.gene_names import known_gene, read_gene_names
from cartopath.core.errors import TableError, TraitError

GRAZIANI = (
    "APC ARMCX1 ASRGL1 ATP9A AXIN2 B3GNT6 CAPN9 CCDC80 CDHR1 CTTNBP2 CXCR4 DACH1 DDX27 DNMT3B FBN1 FSCN1 GNLY LYZ MGP PLAGL2 "
    "POFUT1 QPRT RAB34 RASD1 RBMS1 SDC2 SEMA5A SPINK4 TIMP3 TNS1 TP53 TP53RK TRIB2 VAV2 WARS"
)


def listed(name):
    return list(csv.DictReader(resources.files("cartopath.cohort").joinpath(name).read_text().splitlines()))


def test_the_list_holds_each_name_once():
    genes = listed("genes.csv")
    for key in ("symbol", "entrez", "ensembl", "previous"):
        named = [gene[key] for gene in genes if gene[key]]
        assert len(set(named)) == len(named), key
    assert not {gene["symbol"] for gene in genes} & {gene["previous"] for gene in genes}
    mirnas = listed("mirnas.csv")
    assert len({row["accession"] for row in mirnas}) == len({row["name"] for row in mirnas}) == len(mirnas)


@pytest.mark.parametrize("symbol", GRAZIANI.split())
def test_every_gene_of_the_third_paper_is_found_in_every_vocabulary(symbol):
    gene = known_gene(symbol)
    for feature in (f"{gene.ensembl}.7", f"{gene.symbol}|{gene.entrez}", gene.symbol):
        assert FeatureIndex([feature, "ENSG00000000001.1", "A|1"], "t").find(symbol) == feature
    assert FeatureIndex([symbol], "t").find(gene.ensembl) == symbol


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SEPT2", "SEPTIN2"),
        ("SEPT12", "SEPTIN12"),
        ("MARCH1", "MARCHF1"),
        ("MARCH11", "MARCHF11"),
        ("WARS", "WARS1"),
        ("AARS", "AARS1"),
        ("EPRS", "EPRS1"),
        ("TMEM173", "STING1"),
        ("CTGF", "CCN2"),
        ("MARC1", "MTARC1"),
    ],
)
def test_renamed_genes_are_found_under_either_name(old, new):
    others = ["SEPT3", "MARCH9", "TP53"]
    assert FeatureIndex([old, *others], "t").find(new) == old
    assert FeatureIndex([f"{new}|5", *others], "t").find(old) == f"{new}|5"


@pytest.mark.parametrize("name", ["SEPT13", "SEPT15", "MARCH12", "PARS", "AARS11"])
def test_rules_do_not_reach_beyond_their_families(name):
    for other in ("SEPTIN13", "SEPTIN15", "MARCHF12", "PARS1", "AARS1", "AARS111"):
        with pytest.raises(TraitError):
            FeatureIndex([other, "TP53"], "t").find(name)


def test_the_typing_errors_of_the_published_list_are_rejected():
    index = FeatureIndex(["LYZ", "ASRGL1", "LYN"], "t")
    for name in ("LYX", "ARSGL1"):
        with pytest.raises(TraitError, match="closest"):
            index.find(name)


@pytest.mark.parametrize("name", ["rna_ESR1", "ESR1_rnaseq", "ESR1|2099"])
def test_names_of_other_tables_are_understood(name):
    assert FeatureIndex(["ESR1", "TP53"], "t").find(name) == "ESR1"


def test_a_symbol_that_the_table_gives_to_two_genes_goes_to_the_known_one():
    features = ["ENSG00000091831.24", "ENSG00000999999.1"]
    assert FeatureIndex(features, "t", aliases=[["ESR1", "ESR1"]]).find("ESR1") == "ENSG00000091831.24"
    with pytest.raises(TraitError, match="means 2 features"):
        FeatureIndex(features, "t", aliases=[["XYZ1", "XYZ1"]]).find("XYZ1")


def test_mirnas_are_found_without_their_prefix_and_never_by_the_wrong_case():
    index = FeatureIndex(["hsa-mir-17", "hsa-miR-17-5p", "hsa-miR-17-3p", "hsa-let-7a-5p"], "t")
    assert (index.find("miR-17-5p"), index.find("mir-17"), index.find("let-7a-5p")) == (
        "hsa-miR-17-5p",
        "hsa-mir-17",
        "hsa-let-7a-5p",
    )
    with pytest.raises(TraitError, match="no miRNA 'miR-17'"):
        index.find("miR-17")


def test_firehose_names_with_accessions_are_arms():
    index = FeatureIndex(["hsa-miR-17-5p|MIMAT0000070", "hsa-miR-9999-3p|MIMAT0099999"], "t")
    assert index.find("hsa-miR-17-5p") == index.find("MIMAT0000070") == "hsa-miR-17-5p|MIMAT0000070"
    assert index.find("miR-9999-3p") == "hsa-miR-9999-3p|MIMAT0099999"


# Stated tables of names

HGNC = """hgnc_id\tsymbol\tname\tstatus\talias_symbol\tprev_symbol\tentrez_id\tensembl_gene_id
HGNC:1\tNEWG1\ta gene\tApproved\t"ALIA|ALIB"\tOLDG\t901\tENSG00000000901
HGNC:2\tNEWG2\ta gene\tApproved\tALIB\t"OLD2|OLD3"\t902\tENSG00000000902
HGNC:3\tTP53\ttumor protein p53\tApproved\t"p53|LFS1"\t\t7157\tENSG00000141510
"""


@pytest.mark.parametrize("name", ["NEWG1", "OLDG", "ALIA", "ENSG00000000901", "ENSG00000000901.8"])
@pytest.mark.parametrize("feature", ["NEWG1", "OLDG", "NEWG1|901", "ENSG00000000901.3", "901"])
def test_a_complete_set_of_hgnc_links_every_name_of_a_gene(write, name, feature):
    names = read_gene_names(write("hgnc_complete_set.txt", HGNC))
    assert FeatureIndex([feature, "ENSG00000000777.1"], "t", names=names).find(name) == feature


def test_an_alias_of_two_genes_is_refused_with_both(write):
    names = read_gene_names(write("hgnc_complete_set.txt", HGNC))
    with pytest.raises(TraitError, match="'ALIB' means 2 features"):
        FeatureIndex(["ENSG00000000901.3", "ENSG00000000902.3"], "t", names=names).find("ALIB")


def test_a_stated_table_adds_to_the_list_that_comes_along(write):
    names = read_gene_names(write("hgnc_complete_set.txt", HGNC))
    assert FeatureIndex(["ENSG00000140105.1", "ENSG00000141510.1"], "t", names=names).find("WARS") == "ENSG00000140105.1"
    assert FeatureIndex(["ENSG00000140105.1", "ENSG00000141510.1"], "t", names=names).find("LFS1") == "ENSG00000141510.1"


@pytest.mark.parametrize("header", ["gene_id,gene_name,gene_type", "Gene stable ID,Gene name,Gene type"])
def test_gene_ids_with_names_make_symbols_work_in_a_table_of_ids(write, matrix, header, golden):
    names = write("gencode.csv", f"{header}\nENSG00000000901.5,NEWG1,protein_coding\nENSG00000000902.5,NEWG2,lncRNA\n")
    path = write(
        "t.tsv", matrix("gene_id", ["ENSG00000000901.2", "ENSG00000000902.2", "ENSG00000000903.2"], golden.samples, golden.values)
    )
    with pytest.raises(TraitError, match=r"Ensembl ids: name the gene as ENSG\.\.\., or state a table of names"):
        open_molecular(path).find("NEWG2")
    assert open_molecular(path, genes=names).find("NEWG2") == "ENSG00000000902.2"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "mature.fa",
            ">hsa-miR-9999-5p MIMAT0099999 Homo sapiens miR-9999-5p\nUGAGG\n>mmu-miR-1 MIMAT0000001 Mus musculus miR-1\nUU\n",
        ),
        (
            "hsa.gff3",
            "##gff-version 3\nchr1\t.\tmiRNA\t1\t20\t.\t+\t.\tID=MIMAT0099999;Alias=MIMAT0099999;Name=hsa-miR-9999-5p\n",
        ),
        ("names.csv", "accession,name\nMIMAT0099999,hsa-miR-9999-5p\n"),
    ],
)
def test_mirbase_gives_arms_their_names(write, name, text):
    names = read_gene_names(write(name, text))
    assert FeatureIndex(["MIMAT0099999", "MIMAT0000070"], "t", names=names).find("hsa-miR-9999-5p") == "MIMAT0099999"
    assert FeatureIndex(["MIMAT0099999", "MIMAT0000070"], "t", names=names).find("hsa-miR-17-5p") == "MIMAT0000070"


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "symbol,other\nTP53,1\n", "accession,name\nx,y\n", ""])
def test_what_is_no_table_of_names_is_refused(write, text):
    with pytest.raises(TableError):
        read_gene_names(write("names.csv", text))


# Dates

DATES = ["TP53", "2-Sep", "1-Mar", "ESR1", *(f"G{i}" for i in range(20))]


@pytest.mark.parametrize("date", ["2-Sep", "Sep-02", "2021-09-02", "2021-09-02 00:00:00", "44441", "9/2/2021"])
@pytest.mark.parametrize("asked", ["SEPTIN2", "SEPT2", "MARCHF1", "MTARC1", "DELEC1"])
def test_a_gene_that_a_spreadsheet_turned_into_a_date_is_not_found_with_the_reason(date, asked):
    features = ["TP53", date, "ESR1", *(f"G{i}" for i in range(20))]
    with pytest.raises(TraitError, match=rf"no gene '{asked}' .*1 names of the table are dates \({date}\): a spreadsheet"):
        FeatureIndex(features, "t").find(asked)


def test_other_absent_genes_are_absent_for_the_usual_reason():
    with pytest.raises(TraitError, match="closest: ESR1"):
        FeatureIndex(DATES, "t").find("ESR2")


def test_damaged_names_are_noted(write, matrix, golden):
    table = open_molecular(write("t.tsv", matrix("gene", ["2-Sep", "ESR1", "1-Mar"], golden.samples, golden.values)))
    assert table.notes[0].startswith("2 names of genes are dates (2-Sep, 1-Mar)")


def test_entrez_numbers_are_no_dates(write, matrix, golden):
    table = open_molecular(write("t.tsv", matrix("gene_id", ["44441", "2099", "1956"], golden.samples, golden.values)))
    assert table.notes == () and table.find("ESR1") == "2099"
