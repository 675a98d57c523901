"""Formats of molecular tables: golden files of three genes and four samples [F10]."""

import zipfile

import numpy as np
import pandas as pd
import pytest

from cartopath.cohort import MATRIX_FORMATS, open_molecular
from cartopath.core.errors import TableError


def test_pancan_mrna(write, golden, matrix):
    table = open_molecular(write("EB.tsv", matrix("gene_id", golden.genes, golden.samples, golden.values)))
    assert (table.format, table.orientation) == ("pancan-mrna", "genes-by-samples")
    assert table.features == golden.genes and table.samples == golden.samples
    assert table.unit == "RSEM, upper-quartile normalised, batch-corrected"
    golden.check(table)


def test_pancan_mirna_skips_its_annotation_column(write, golden, matrix):
    mirnas = ["hsa-miR-17-5p", "hsa-miR-17-3p", "hsa-let-7a-5p"]
    lines = matrix(
        "Genes", mirnas, ["Correction", *golden.samples], np.column_stack([[9, 9, 9], golden.values]), separator=","
    ).replace(",9,", ",Uncorrected,")
    table = open_molecular(write("mirna.csv", lines))
    assert table.format == "pancan-mirna" and table.samples == golden.samples
    golden.check(table, genes=mirnas)


def test_cbioportal_expression(write, golden, matrix):
    lines = matrix(
        "Hugo_Symbol", golden.symbols, ["Entrez_Gene_Id", *golden.samples], np.column_stack([[4288, 2099, 1956], golden.values])
    )
    table = open_molecular(write("data_mrna_seq_v2_rsem.txt", lines))
    assert table.format == "cbioportal"
    golden.check(table)


def test_porpoise_zip_with_clinical_columns_inside(tmp_path, golden):
    rows = [",case_id,slide_id,age,survival_months,censorship,MKI67_rnaseq,ESR1_rnaseq,EGFR_rnaseq,TP53_mut"]
    for number, (patient, values) in enumerate(zip(golden.patients, golden.values[:, :3].T, strict=True)):
        rows.append(f"{number},{patient},{patient}-01Z-00-DX1.x.svs,50,1.5,0,{values[0]},{values[1]},{values[2]},1")
    path = tmp_path / "all_clean.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("./all_clean.csv", "\n".join(rows))
    table = open_molecular(path)
    assert (table.format, table.orientation) == ("porpoise", "samples-by-genes")
    assert table.features == ("MKI67_rnaseq", "ESR1_rnaseq", "EGFR_rnaseq", "TP53_mut")
    golden.check(table)


@pytest.mark.parametrize("name", ["plain.tsv", "plain.csv", "plain.csv.gz"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_plain_matrices_lie_either_way(write, name, quote, golden, matrix):
    separator = "\t" if "tsv" in name else ","
    genes_first = open_molecular(
        write(name, matrix("", golden.symbols, golden.samples, golden.values, separator=separator, quote=quote))
    )
    assert genes_first.orientation == "genes-by-samples"
    golden.check(genes_first)
    samples_first = open_molecular(
        write(name, matrix("sample", golden.samples, golden.symbols, golden.values.T, separator=separator, quote=quote))
    )
    assert samples_first.orientation == "samples-by-genes"
    golden.check(samples_first)


def test_plain_parquet_lies_either_way(tmp_path, golden):
    genes_first = pd.DataFrame(golden.values, index=pd.Index(golden.symbols, name="gene"), columns=list(golden.samples))
    genes_first.to_parquet(tmp_path / "g.parquet")
    genes_first.T.rename_axis("sample").to_parquet(tmp_path / "s.parquet")
    first, second = open_molecular(tmp_path / "g.parquet"), open_molecular(tmp_path / "s.parquet")
    assert (first.orientation, second.orientation) == ("genes-by-samples", "samples-by-genes")
    golden.check(first)
    golden.check(second)


def test_a_table_that_r_wrote_without_a_corner_is_read(write, golden, matrix):
    text = matrix("", golden.symbols, golden.samples, golden.values).removeprefix("\t")
    golden.check(open_molecular(write("r.txt", text)))


def test_byte_order_mark_comments_and_windows_line_ends_are_read(write, golden, matrix):
    text = "\ufeff# made yesterday\n" + matrix("gene", golden.symbols, golden.samples, golden.values)
    golden.check(open_molecular(write("bom.tsv", text.replace("\n", "\r\n"))))


def test_names_without_barcodes_are_told_by_their_header(write, golden, matrix):
    text = matrix("gene_name", golden.symbols, ["P1", "P2", "P3", "P4"], golden.values)
    table = open_molecular(write("own.tsv", text))
    assert table.read(["ESR1"])["ESR1"].to_dict() == {"P1": 5.0, "P2": 6000.0, "P3": 70.5, "P4": 8.0}


def test_a_patient_column_says_whose_a_sample_is(write):
    text = "sample_id,patient_id,ESR1,MYC\nS1,P1,1,2\nS2,P2,3,4\n"
    assert list(open_molecular(write("own.csv", text)).read(["MYC"]).index) == ["P1", "P2"]


def test_words_beside_the_numbers_are_no_genes(write):
    text = "sample,er_status,ESR1,MYC\nTCGA-AA-0001-01A,Positive,1,2\nTCGA-AA-0002-01A,Negative,3,4\n"
    assert open_molecular(write("pam.csv", text)).features == ("ESR1", "MYC")


def test_a_matrix_that_could_lie_either_way_is_refused_with_the_ways_out(write):
    path = write("unknown.csv", "x,y,z\n1,2,3\n4,5,6\n")
    with pytest.raises(TableError, match=r"cannot tell genes from samples.*state the format") as error:
        open_molecular(path)
    assert all(format_.name in str(error.value) for format_ in MATRIX_FORMATS)


def test_the_format_can_be_stated(write):
    path = write("own.csv", "x,P1,P2\nESR1,2,3\nMYC,5,6\n")
    assert open_molecular(path, format="genes-by-samples").read(["MYC"])["MYC"].to_dict() == {"P1": 5.0, "P2": 6.0}


def test_an_unknown_format_names_the_closest(write):
    with pytest.raises(TableError, match="closest: pancan-mrna"):
        open_molecular(write("own.csv", "gene,P1\nESR1,2\n"), format="pancan_mrna")


def test_missing_cells_are_nan(write):
    text = "gene,TCGA-AA-0001-01A,TCGA-AA-0002-01A,TCGA-AA-0003-01A\nESR1,NA,,2.5\n"
    assert open_molecular(write("holes.csv", text)).read(["ESR1"])["ESR1"].isna().tolist() == [True, True, False]


@pytest.mark.parametrize("word", ["high", "-Inf"])
def test_a_cell_that_is_no_number_is_named(write, word):
    rows = "".join(f"G{i},1,2\n" for i in range(50))
    path = write("bad.csv", f"gene,TCGA-AA-0001-01A,TCGA-AA-0002-01A\n{rows}ESR1,1,{word}\n")
    with pytest.raises(TableError, match=rf"'{word}' in the row of 'ESR1', column 'TCGA-AA-0002-01A'"):
        open_molecular(path).read(["ESR1"])


def test_a_row_that_is_cut_short_is_named(write):
    path = write("cut.csv", "gene,TCGA-AA-0001-01A,TCGA-AA-0002-01A\nMYC,1,2\nESR1,1\n")
    with pytest.raises(TableError, match="row of 'ESR1' has 2 cells, the header 3"):
        open_molecular(path).read(["ESR1"])


def test_a_gzip_that_is_cut_short_is_an_error_and_not_fewer_genes(tmp_path, write, golden, matrix):
    path = write(
        "t.tsv.gz", matrix("gene", [f"G{i}" for i in range(2000)], golden.samples, np.random.default_rng(0).random((2000, 4)))
    )
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(TableError, match="damaged or cut short"):
        _ = open_molecular(path).features


@pytest.mark.parametrize(
    "content", [b"", b"only one column\n1\n", b"gene,P1\n", b"\x00\x01\x02\x03" * 50, b"PAR1 but nothing after"]
)
def test_what_is_no_table_is_refused(write, content):
    with pytest.raises(TableError):
        open_molecular(write("t.csv", content))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TableError, match="no such table"):
        open_molecular(tmp_path / "nowhere.tsv")


def test_a_zip_of_several_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "y")
    with pytest.raises(TableError, match="a zip of 2 files"):
        open_molecular(tmp_path / "two.zip")


def test_format_names_are_unique_and_described():
    names = [format_.name for format_ in MATRIX_FORMATS]
    assert len(set(names)) == len(names) and all(format_.summary for format_ in MATRIX_FORMATS)
