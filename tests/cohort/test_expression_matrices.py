"""Matrices of Xena, Firehose, cBioPortal, SEQUOIA, Excel and AnnData: golden files of three genes and four samples [F10]."""

import h5py
import numpy as np
import openpyxl
import pytest

from cartopath.cohort import open_molecular
from cartopath.core.errors import TableError, TraitError

LOGS = np.array([[6.5, 2.25, 3, 7], [5, 12.5, 7.5, 8], [0, 1.5, 12, 9]])
XENA_SAMPLES = ["TCGA-AA-0001-01A", "TCGA-AA-0002-01A", "TCGA-AA-0003-01A", "TCGA-AA-0003-11A"]
ENSEMBL = ["ENSG00000148773.14", "ENSG00000091831.24", "ENSG00000146648.18"]
SYMBOLS = ["MKI67", "ESR1", "EGFR"]


def described(table):
    return table.format, table.unit, table.transform, table.unit_source


# Xena


@pytest.mark.parametrize(
    ("name", "corner", "genes", "unit"),
    [
        ("HiSeqV2.gz", "sample", SYMBOLS, "RSEM, normalised counts"),
        ("TCGA-BRCA.star_fpkm-uq.tsv.gz", "Ensembl_ID", ENSEMBL, "FPKM-UQ"),
        ("TCGA-BRCA.htseq_counts.tsv", "Ensembl_ID", ENSEMBL, "counts"),
        ("TCGA-BRCA.star_tpm.tsv", "Ensembl_ID", ENSEMBL, "TPM"),
        ("own_download", "xena_sample", SYMBOLS, "unknown unit"),
    ],
)
def test_xena_matrices_are_logarithms_of_what_their_name_says(write, matrix, name, corner, genes, unit):
    table = open_molecular(write(name, matrix(corner, genes, XENA_SAMPLES, LOGS)))
    assert described(table) == ("xena", unit, "log2(x+1)", "stated")
    np.testing.assert_array_equal(table.read(SYMBOLS).to_numpy(), LOGS[:, :3].T)


def test_logarithms_of_counts_are_noted_and_never_divided_by_a_total(write, matrix):
    path = write(
        "TCGA-BRCA.star_counts.tsv",
        matrix("Ensembl_ID", [f"ENSG{i:011}.1" for i in range(6000)], ["TCGA-AA-0001-01A"], np.full((6000, 1), 3.5)),
    )
    table = open_molecular(path)
    assert not table.is_scaled and any("depth of sequencing" in note for note in table.notes)
    with pytest.raises(TableError, match=r"log2\(x\+1\) values cannot be given per million"):
        open_molecular(path, scale="cpm")


def test_mirnas_of_xena_by_accession_are_found_by_name(write, matrix):
    text = matrix("sample", ["MIMAT0000070", "MIMAT0000076", "MIMAT0099999"], XENA_SAMPLES, LOGS)
    table = open_molecular(write("miRNA_HiSeq_gene", text))
    assert (table.find("hsa-miR-17-5p"), table.find("miR-21-5p"), table.find("MIMAT0099999")) == table.features
    assert table.unit == "reads per million"


def test_the_toil_hub_adds_a_thousandth(write, matrix):
    values = LOGS.copy()
    values[2, 0] = -9.9658
    table = open_molecular(write("TcgaTargetGtex_rsem_gene_tpm", matrix("sample", ENSEMBL, XENA_SAMPLES, values)))
    assert (table.unit, table.transform) == ("TPM", "log2(x+0.001)")


def test_centred_values_of_xena_are_not_called_plain_logarithms(write, matrix):
    table = open_molecular(write("HiSeqV2_PANCAN", matrix("sample", SYMBOLS, XENA_SAMPLES, LOGS - 6)))
    assert (table.transform, table.unit_source) == ("centred log", "deduced")


# Firehose


def firehose(kinds, rows):
    samples = [sample for sample in ("TCGA-AA-0001-01A-11R-A034-07", "TCGA-AA-0002-01A-11R-A034-07") for _ in kinds]
    lines = ["\t".join(["Hybridization REF", *samples]), "\t".join(["gene_id", *kinds, *kinds])]
    return "\n".join([*lines, *("\t".join(map(str, row)) for row in rows)]) + "\n"


def test_firehose_normalised(write):
    text = firehose(["normalized_count"], [["?|100130426", 0, 1], ["ESR1|2099", 5.5, 6000.25], ["MKI67|4288", 1, 2]])
    table = open_molecular(write("BRCA.rnaseqv2__RSEM_genes_normalized__data.data.txt", text))
    assert described(table) == ("firehose", "RSEM, upper-quartile normalised", "none", "stated")
    assert table.features == ("?|100130426", "ESR1|2099", "MKI67|4288")
    assert table.read(["ESR1", "MKI67"]).to_numpy().tolist() == [[5.5, 1.0], [6000.25, 2.0]]
    np.testing.assert_array_equal(table.totals, [6.5, 6003.25])


def test_firehose_with_several_columns_for_a_sample(write):
    text = firehose(
        ["raw_count", "scaled_estimate", "transcript_id"],
        [["ESR1|2099", 5, 0.5, "uc001", 6, 0.6, "uc001"], ["EGFR|1956", 7, 0.7, "uc002", 8, 0.8, "uc002"]],
    )
    path = write("BRCA.rnaseqv2__RSEM_genes__data.data.txt", text)
    assert open_molecular(path).unit == "counts"
    assert open_molecular(path).read(["EGFR"])["EGFR"].tolist() == [7.0, 8.0]
    assert open_molecular(path, column="scaled_estimate").read(["EGFR"])["EGFR"].tolist() == [0.7, 0.8]
    with pytest.raises(TableError, match=r"no column 'tpm' \(there are: raw_count, scaled_estimate, transcript_id\)"):
        open_molecular(path, column="tpm")


# cBioPortal

CBIO = ["TCGA-AA-0001-01", "TCGA-AA-0002-01", "TCGA-AA-0003-01", "TCGA-AA-0004-01"]


def cbioportal(matrix, values):
    return matrix("Hugo_Symbol", SYMBOLS, ["Entrez_Gene_Id", *CBIO], np.column_stack([[4288, 2099, 1956], values]))


@pytest.mark.parametrize(
    ("name", "values", "unit", "transform"),
    [
        ("data_mrna_seq_v2_rsem.txt", 100 * LOGS, "RSEM", "none"),
        ("data_mrna_seq_v2_rsem_zscores_ref_all_samples.txt", LOGS - 6, "RSEM", "z-score"),
        ("data_mrna_seq_tpm.txt", LOGS, "TPM", "log"),
        ("data_mrna_agilent_microarray.txt", LOGS - 6, "microarray", "centred log"),
    ],
)
def test_cbioportal_files_are_what_their_name_says(write, matrix, name, values, unit, transform):
    table = open_molecular(write(name, cbioportal(matrix, values)))
    assert described(table)[:3] == ("cbioportal", unit, transform)
    np.testing.assert_allclose(table.read(SYMBOLS).to_numpy(), values.T)


@pytest.mark.parametrize("meta_name", ["meta_expression.txt", "meta_other_name.txt"])
def test_the_meta_file_of_a_cbioportal_study_has_the_last_word(write, matrix, meta_name):
    write(
        meta_name,
        "datatype: LOG2-VALUE\nstable_id: rna_seq_v2_mrna\ndata_filename: data_expression.txt\n",
    )
    write("meta_study.txt", "type_of_cancer: brca\n")
    table = open_molecular(write("data_expression.txt", cbioportal(matrix, LOGS)))
    assert described(table) == ("cbioportal", "RSEM", "log2", "stated")


def test_two_genes_of_one_symbol_are_told_apart_by_their_entrez_numbers(write):
    text = "Hugo_Symbol\tEntrez_Gene_Id\tTCGA-AA-0001-01\nSLC35E2\t728661\t1\nSLC35E2\t9906\t2\n\t100\t3\nESR1\t2099\t4\n"
    table = open_molecular(write("data_mrna_seq_v2_rsem.txt", text))
    assert table.features == ("SLC35E2|728661", "SLC35E2|9906", "|100", "ESR1")
    assert table.read(["SLC35E2|9906"]).iloc[0, 0] == 2.0


# SEQUOIA


def test_sequoia_table_with_a_row_per_slide(write):
    rows = ["wsi_file_name,patient_id,rna_A1BG,rna_WARS1,rna_ESR1,tcga_project"]
    for number, values in enumerate(["0.5,3.25,4.5", "0.5,3.25,4.5", "1.25,4.5,13.5"]):
        patient = f"TCGA-AA-000{1 + number // 2}"
        rows.append(f"{patient}-01Z-00-DX{1 + number % 2}.A1B2-C3,{patient},{values},TCGA-BRCA")
    table = open_molecular(write("ref_file.csv.gz", "\n".join(rows) + "\n"))
    assert described(table) == ("sequoia", "unknown unit", "log", "deduced")
    assert table.notes == ()
    assert table.read(["WARS", "ESR1"]).to_numpy().tolist() == [[3.25, 4.5], [4.5, 13.5]]


# Excel


def workbook(path, rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize("lying", ["genes first", "samples first"])
def test_a_matrix_in_a_workbook(tmp_path, golden, lying):
    rows = [
        ["gene", *golden.samples],
        *([symbol, *values] for symbol, values in zip(golden.symbols, golden.values.tolist(), strict=True)),
    ]
    if lying == "samples first":
        rows = [list(column) for column in zip(*rows, strict=True)]
        rows[0][0] = "sample"
    golden.check(open_molecular(workbook(tmp_path / "matrix.xlsx", rows)))


def test_totals_and_unit_of_a_workbook(tmp_path):
    table = open_molecular(
        workbook(tmp_path / "m.xlsx", [["gene", "P1", "P2"], ["ESR1", 5, 600], ["__no_feature", 9, 9], ["MYC", 1, 2]])
    )
    assert table.unit == "counts" and table.totals.tolist() == [6.0, 602.0]


# What values look like


@pytest.mark.parametrize(
    ("values", "unit", "transform"),
    [
        ([[0, 3, 40, 600], [7, 8, 9, 1000]], "counts", "none"),
        ([[0.5, 3, 40, 600], [7, 8, 9, 1000.5]], "linear", "none"),
        ([[0.5, 3, 11, 6], [7, 8, 9, 10]], "unknown unit", "log"),
        ([[-0.5, 3, -2, 6], [-7, 8, 2, 1]], "unknown unit", "centred log"),
        ([[0.1, 0.3, 0.2, 0.9], [0, 1, 0.5, 0.5]], "unknown unit", "unknown"),
    ],
)
def test_unit_and_transform_are_deduced_and_called_so(write, matrix, values, unit, transform):
    table = open_molecular(write("own.tsv", matrix("gene", ["ESR1", "MYC"], XENA_SAMPLES, np.array(values))))
    assert described(table) == ("genes-by-samples", unit, transform, "deduced")


def test_standardised_genes_are_called_z_scores(write, matrix):
    values = np.random.default_rng(0).normal(size=(5, 40))
    samples = [f"TCGA-AA-{number:04}-01A" for number in range(40)]
    table = open_molecular(write("z.tsv", matrix("gene", [f"G{i}" for i in range(5)], samples, values)))
    assert table.transform == "z-score"
    turned = open_molecular(write("t.tsv", matrix("sample", samples, [f"G{i}" for i in range(5)], values.T)))
    assert turned.transform == "z-score"


# Encodings, repeated columns, hints


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "cp1252"])
def test_matrices_in_every_usual_encoding(write, matrix, golden, encoding):
    text = matrix("gene", [*golden.symbols, "µ-gene"], golden.samples, np.vstack([golden.values, [1, 2, 3, 4]]))
    golden.check(open_molecular(write("t.tsv", text.encode(encoding))))


def test_a_sample_that_is_there_twice_is_noted_and_the_first_is_used(write):
    table = open_molecular(write("t.csv", "gene,TCGA-AA-0001-01A,TCGA-AA-0001-01A,TCGA-AA-0002-01A\nESR1,1,2,3\n"))
    assert table.notes == ("1 names of samples are there more than once (TCGA-AA-0001-01A); the first of each is used",)
    assert table.read(["ESR1"])["ESR1"].tolist() == [1.0, 3.0]


def test_a_decimal_comma_is_called_one(write):
    path = write("t.csv", "gene;TCGA-AA-0001-01A;TCGA-AA-0002-01A\nESR1;1,5;2,5\n")
    with pytest.raises(TableError, match=r"'1,5' .*decimal comma; save the table with decimal points"):
        open_molecular(path).read(["ESR1"])


def test_underscores_are_no_part_of_numbers(write):
    path = write("t.csv", "gene,TCGA-AA-0001-01A\nESR1,1_000\n")
    with pytest.raises(TableError, match="'1_000' in the row of 'ESR1'"):
        open_molecular(path).read(["ESR1"])


def test_a_column_is_refused_where_there_is_one_number_for_each_sample(write):
    with pytest.raises(TableError, match=r"leave column \('tpm'\) out"):
        open_molecular(write("t.csv", "gene,TCGA-AA-0001-01A\nESR1,1\n"), column="tpm")


def test_a_manifest_of_slides_is_no_expression(write):
    text = "id\tfilename\tmd5\tsize\tstate\nu\tTCGA-AA-0001-01Z-00-DX1.x.svs\tabc\t500\tlive\n"
    with pytest.raises(TableError, match="cannot tell genes from samples"):
        open_molecular(write("manifest.txt", text))


def test_a_sample_sheet_on_disk_names_the_columns_of_a_matrix(write):
    sheet = write("sheet.tsv", "File ID\tSample ID\tSample Type\nu-1\tP1-T\tPrimary Tumor\nu-2\tP2-N\tSolid Tissue Normal\n")
    table = open_molecular(write("counts.tsv", "gene_id\tu-1\tu-2\nESR1\t5\t6\n"), sample_sheet=sheet)
    assert table.samples == ("P1-T", "P2-N")
    assert table.read(["ESR1"])["ESR1"].to_dict() == {"P1-T": 5.0}


def test_columns_that_are_not_in_the_sample_sheet_are_noted(write):
    table = open_molecular(write("t.tsv", "gene_id\tu-1\tu-2\nESR1\t5\t6\n"), sample_sheet={"u-1": "TCGA-AA-0001-01A"})
    assert table.notes == ("1 of 2 samples are not in the sample sheet (u-2)",)


# AnnData


def strings(group, name, words):
    group.create_dataset(name, data=np.array(words, dtype=object), dtype=h5py.string_dtype())


def write_h5ad(
    path, values, *, stored="dense", patients=None, symbols=None, layers=None, samples=XENA_SAMPLES, genes=SYMBOLS, uns=None
):
    with h5py.File(path, "w") as file:
        put(file, "X", values, stored)
        for name, layer in (layers or {}).items():
            put(file.require_group("layers"), name, layer, stored)
        obs, var = file.create_group("obs"), file.create_group("var")
        obs.attrs["_index"], var.attrs["_index"] = "barcode", "_index"
        strings(obs, "barcode", samples)
        strings(var, "_index", genes)
        if patients:
            categories = sorted(set(patients))
            column = obs.create_group("patient_id")
            strings(column, "categories", categories)
            column["codes"] = np.array([categories.index(patient) for patient in patients], dtype="i1")
        if symbols:
            strings(var, "gene_symbols", symbols)
        for name in uns or ():
            file.create_group(f"uns/{name}")
    return path


def put(group, name, values, stored):
    if stored == "dense":
        group[name] = np.asarray(values, dtype=np.float32)
        return
    matrix = group.create_group(name)
    lines = values if stored == "csr" else values.T
    matrix.attrs["encoding-type"], matrix.attrs["shape"] = f"{stored}_matrix", values.shape
    matrix["data"] = np.array([value for line in lines for value in line if value], dtype=np.float32)
    matrix["indices"] = np.array([place for line in lines for place, value in enumerate(line) if value], dtype=np.int32)
    matrix["indptr"] = np.cumsum([0, *(np.count_nonzero(line) for line in lines)]).astype(np.int32)


@pytest.mark.parametrize("stored", ["dense", "csr", "csc"])
def test_anndata_dense_or_sparse(tmp_path, golden, stored):
    table = open_molecular(write_h5ad(tmp_path / "a.h5ad", golden.values.T, stored=stored, samples=golden.samples))
    assert (table.format, table.orientation) == ("h5ad", "samples-by-genes")
    golden.check(table)
    np.testing.assert_allclose(table.totals, golden.values.sum(axis=0))


def test_anndata_in_many_blocks(tmp_path, golden, monkeypatch):
    from cartopath.cohort.matrices import h5ad

    monkeypatch.setattr(h5ad, "_CELLS_PER_BLOCK", 3)
    for stored in ("dense", "csr", "csc"):
        golden.check(
            open_molecular(write_h5ad(tmp_path / f"{stored}.h5ad", golden.values.T, stored=stored, samples=golden.samples))
        )


def test_anndata_layer_and_log_transform(tmp_path):
    path = write_h5ad(tmp_path / "a.h5ad", LOGS.T, layers={"counts": 100 * LOGS.T}, uns=["log1p"])
    assert described(open_molecular(path)) == ("h5ad", "unknown unit", "ln(x+1)", "stated")
    layer = open_molecular(path, column="counts")
    assert (layer.unit, layer.transform) == ("counts", "none")
    np.testing.assert_allclose(layer.read(["ESR1"])["ESR1"], 100 * LOGS[1, :3])
    with pytest.raises(TableError, match=r"no layers/tpm in it .*layers: counts"):
        open_molecular(path, column="tpm")


def test_anndata_patients_come_from_obs_and_symbols_from_var(tmp_path):
    path = write_h5ad(
        tmp_path / "a.h5ad", LOGS.T, patients=["P2", "P1", "P4", "P3"], symbols=SYMBOLS, samples=list("abcd"), genes=ENSEMBL
    )
    table = open_molecular(path)
    assert table.find("MKI67") == ENSEMBL[0]
    assert table.read(["EGFR"])["EGFR"].to_dict() == {"P1": 1.5, "P2": 0.0, "P3": 9.0, "P4": 12.0}


def test_anndata_of_before_2019_is_read(tmp_path, golden):
    with h5py.File(tmp_path / "old.h5ad", "w") as file:
        file["X"] = golden.values.T.astype(np.float32)
        file["obs"] = np.array([(sample.encode(), 1) for sample in golden.samples], dtype=[("index", "S40"), ("n", "i4")])
        file["var"] = np.array([(gene.encode(),) for gene in golden.symbols], dtype=[("index", "S10")])
    golden.check(open_molecular(tmp_path / "old.h5ad"))


def test_anndata_of_cells_asks_for_sums(tmp_path):
    cells = [f"cell{i}" for i in range(60)]
    path = write_h5ad(tmp_path / "a.h5ad", np.ones((60, 3)), patients=["P1", "P2"] * 30, samples=cells)
    with pytest.raises(TableError, match="60 observations of 2 patients: cells or spots"):
        open_molecular(path)


def test_anndata_links_to_other_files_are_not_followed(tmp_path, golden):
    write_h5ad(tmp_path / "other.h5ad", golden.values.T)
    with h5py.File(write_h5ad(tmp_path / "a.h5ad", golden.values.T), "r+") as file:
        del file["X"]
        file["X"] = h5py.ExternalLink("other.h5ad", "X")
    with pytest.raises(TableError, match="link to another file"):
        open_molecular(tmp_path / "a.h5ad")


@pytest.mark.parametrize("damage", ["no X", "no obs", "shape", "indices", "indptr", "words", "kind", "truncated", "empty"])
def test_damaged_anndata_is_refused(tmp_path, golden, damage):
    path = write_h5ad(tmp_path / "a.h5ad", golden.values.T, stored="csr")
    with h5py.File(path, "r+") as file:
        if damage in ("no X", "no obs"):
            del file[damage[3:]]
        elif damage == "shape":
            file["X"].attrs["shape"] = (5, 3)
        elif damage == "indices":
            file["X/indices"][0] = 99
        elif damage == "indptr":
            file["X/indptr"][1] = 99
        elif damage == "kind":
            file["X"].attrs["encoding-type"] = "coo_matrix"
        elif damage == "words":
            del file["X"]
            strings(file, "X", ["a", "b"])
    if damage in ("truncated", "empty"):
        path.write_bytes(path.read_bytes()[: 600 if damage == "truncated" else 8])
    with pytest.raises(TableError, match=r"a\.h5ad"):
        open_molecular(path).read(["ESR1"])


def test_a_stated_format_must_be_that_of_the_file(tmp_path, golden, write):
    path = write_h5ad(tmp_path / "a.h5ad", golden.values.T)
    with pytest.raises(TableError, match="an HDF5 file, and the format stated is xena"):
        open_molecular(path, format="xena")
    text = write("t.csv", "gene,P1\nESR1,1\n")
    with pytest.raises(TableError, match="no HDF5 file"):
        open_molecular(text, format="h5ad")
    with pytest.raises(TableError, match="format of a folder"):
        open_molecular(text, format="gdc-star")
    with pytest.raises(TableError, match="a folder, and xena is the format of a file"):
        open_molecular(tmp_path, format="xena")


def test_an_absent_gene_of_anndata_is_named(tmp_path, golden):
    with pytest.raises(TraitError, match="no gene 'TP53'"):
        open_molecular(write_h5ad(tmp_path / "a.h5ad", golden.values.T)).find("TP53")
