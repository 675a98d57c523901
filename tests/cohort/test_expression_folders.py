"""Folders of GDC files with one sample each: golden files of three genes and four samples in the real layouts [F10, A36]."""

import gzip
import json

import numpy as np
import pytest

from cartopath.cohort import open_molecular, read_sample_sheet
from cartopath.core.errors import TableError, TraitError

UUIDS = [f"{number}{number}aaaaaa-0000-4000-8000-00000000000{number}" for number in range(1, 5)]
SAMPLES = ["TCGA-AA-0001-01A", "TCGA-AA-0002-01A", "TCGA-AA-0003-01A", "TCGA-AA-0003-11A"]
GENES = {"ENSG00000148773.14": "MKI67", "ENSG00000091831.24": "ESR1", "ENSG00000146648.18": "EGFR"}
VALUES = np.array([[100, 2000, 3, 7], [5, 6000, 70, 8], [0, 15, 12, 9]])  # (genes, samples)

SHEET_HEADER = "File ID\tFile Name\tData Category\tData Type\tProject ID\tCase ID\tSample ID\tSample Type"


def star_text(sample):
    lines = ["# gene-model: GENCODE v36", "gene_id gene_name gene_type unstranded stranded_first stranded_second tpm_unstranded "]
    lines[1] = (lines[1] + "fpkm_unstranded fpkm_uq_unstranded").replace(" ", "\t")
    lines += [f"N_{kind}\t\t\t{10**6}\t{10**6}\t{10**6}\t\t\t" for kind in ("unmapped", "multimapping", "noFeature", "ambiguous")]
    for (gene, symbol), count in zip(GENES.items(), VALUES[:, sample], strict=True):
        lines.append(
            f"{gene}\t{symbol}\tprotein_coding\t{count}\t{count // 2}\t{count // 2}\t{count / 4}\t{count / 8}\t{count / 16}"
        )
    lines.append(f"ENSG00000169084.15\tDHRSX\tprotein_coding\t{sample}\t0\t0\t{sample}.5\t0\t0")
    lines.append("ENSG00000169084.15_PAR_Y\tDHRSX\tprotein_coding\t0\t0\t0\t0.0000\t0\t0")
    lines += [f"ENSG0000099900{copy}.1\tY_RNA\tmisc_RNA\t0\t0\t0\t0.0\t0\t0" for copy in (1, 2)]
    return "\n".join(lines) + "\n"


def counts_text(sample):
    lines = [f"{gene}\t{count}" for gene, count in zip(GENES, VALUES[:, sample], strict=True)]
    return "\n".join([*lines, "__no_feature\t3485068", "__ambiguous\t35", "__not_aligned\t0"]) + "\n"


def fpkm_text(sample):
    return "\n".join(f"{gene}\t{count / 4}" for gene, count in zip(GENES, VALUES[:, sample], strict=True)) + "\n"


def mirna_text(sample):
    rows = [f"{name}\t{count}\t{count / 4:.6f}\tN" for name, count in zip(MIRNAS, VALUES[:, sample], strict=True)]
    return "\n".join(["miRNA_ID\tread_count\treads_per_million_miRNA_mapped\tcross-mapped", *rows]) + "\n"


MIRNAS = ["hsa-mir-17", "hsa-mir-21", "hsa-mir-29a"]


def isoform_text(sample):
    def row(mirna, start, count, region):
        return f"{mirna}\thg38:chr13:{start}-{start + 22}:+\t{count}\t{count / 4:.6f}\tN\t{region}"

    first, second, third = (int(count) for count in VALUES[:, sample])
    rows = [row("hsa-mir-17", 10, first - 1, "mature,MIMAT0000070"), row("hsa-mir-17", 11, 1, "mature,MIMAT0000070")]
    rows += [row("hsa-mir-17", 50, 4, "mature,MIMAT0000071"), row("hsa-mir-17", 30, 999, "stemloop")]
    rows += [row("hsa-mir-21", 10, second, "mature,MIMAT0000076"), row("hsa-mir-21", 60, 77, "unannotated")]
    if third:  # What was not seen is not listed.
        rows.append(row("hsa-mir-29a", 10, third, "mature,MIMAT0000086"))
    rows += [row("hsa-mir-9999", 10, 8, "mature,MIMAT0099999"), row("hsa-mir-9999-2", 10, 8, "mature,MIMAT0099999")]
    return (
        "\n".join(["miRNA_ID\tisoform_coords\tread_count\treads_per_million_miRNA_mapped\tcross-mapped\tmiRNA_region", *rows])
        + "\n"
    )


KINDS = {
    "gdc-star": (star_text, ".rna_seq.augmented_star_gene_counts.tsv", "TPM"),
    "gdc-htseq": (counts_text, ".htseq.counts.gz", "counts"),
    "gdc-fpkm-uq": (fpkm_text, ".FPKM-UQ.txt.gz", "FPKM-UQ"),
    "gdc-fpkm": (fpkm_text, ".FPKM.txt", "FPKM"),
    "gdc-mirna": (mirna_text, ".mirbase21.mirnas.quantification.txt", "reads per million"),
    "gdc-isoforms": (isoform_text, ".mirbase21.isoforms.quantification.txt", "reads per million"),
}


def write_text(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), 1) if path.name.endswith(".gz") else text.encode())


@pytest.fixture
def folder(tmp_path):
    """Write the four files of a kind as gdc-client leaves them, `<uuid>/<file>`, with or without the sheet."""

    def folder_(kind, *, sheet=True, flat=False, name="gdc"):
        text, suffix, _ = KINDS[kind]
        root, rows = tmp_path / name, [SHEET_HEADER]
        for number, uuid in enumerate(UUIDS):
            file = f"{uuid[::-1]}{suffix}"
            write_text((root if flat else root / uuid) / file, text(number))
            tissue = "Solid Tissue Normal" if SAMPLES[number].endswith("11A") else "Primary Tumor"
            patient = SAMPLES[number][:12]
            rows.append(f"{uuid}\t{file}\tTranscriptome Profiling\tx\tTCGA-BRCA\t{patient}\t{SAMPLES[number]}\t{tissue}")
        (root / "logs").mkdir(exist_ok=True)
        write_text(root / UUIDS[0] / "annotations.txt", "id\tsubmitter_id\n")
        if sheet:
            write_text(root / "gdc_sample_sheet.2024-05-01.tsv", "\n".join(rows) + "\n")
        return root

    return folder_


TRAITS = {
    **dict.fromkeys(("gdc-star", "gdc-htseq", "gdc-fpkm-uq", "gdc-fpkm"), ("MKI67", "ENSG00000091831", "EGFR|1956")),
    "gdc-mirna": MIRNAS,
    "gdc-isoforms": ["hsa-miR-17-5p", "hsa-miR-21-5p", "miR-29a-3p"],
}


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_is_recognised_and_read_through_the_sheet_that_lies_in_it(folder, kind, flat):
    table = open_molecular(folder(kind, flat=flat))
    assert (table.format, table.orientation, table.unit) == (kind, "file-per-sample", KINDS[kind][2])
    assert (table.transform, table.unit_source, table.notes) == ("none", "stated", ())
    assert sorted(table.samples) == sorted(SAMPLES)
    read = table.read(TRAITS[kind])
    assert list(read.index) == [sample[:12] for sample in SAMPLES[:3]]
    scale = 1 if kind == "gdc-htseq" else 4
    np.testing.assert_allclose(read.to_numpy(), VALUES[:, :3].T / scale)


@pytest.mark.parametrize(
    ("column", "unit", "scale"),
    [("unstranded", "counts", 1), ("fpkm_unstranded", "FPKM", 8), ("fpkm_uq_unstranded", "FPKM-UQ", 16)],
)
def test_the_column_of_star_counts_can_be_stated(folder, column, unit, scale):
    table = open_molecular(folder("gdc-star"), column=column)
    assert table.unit == unit
    np.testing.assert_allclose(table.read(["ESR1"])["ESR1"], VALUES[1, :3] / scale)


def test_an_unknown_column_names_those_that_are_there(folder):
    with pytest.raises(TableError, match=r"no column .tpm.*tpm_unstranded"):
        open_molecular(folder("gdc-star"), column="tpm")


def test_reads_of_no_gene_do_not_count_in_the_totals_of_folders(folder):
    star = open_molecular(folder("gdc-star", name="star"), column="unstranded")
    order = [SAMPLES.index(sample) for sample in star.samples]
    np.testing.assert_array_equal(star.totals, (VALUES.sum(axis=0) + np.arange(4))[order])
    htseq = open_molecular(folder("gdc-htseq", name="htseq"))
    np.testing.assert_array_equal(htseq.totals, VALUES.sum(axis=0)[[SAMPLES.index(sample) for sample in htseq.samples]])


def test_counts_of_a_folder_can_be_given_per_million(folder):
    table = open_molecular(folder("gdc-htseq"), scale="cpm")
    assert table.unit == "counts per million"
    np.testing.assert_allclose(table.read(["ESR1"])["ESR1"], VALUES[1, :3] / VALUES[:, :3].sum(axis=0) * 1e6)


def test_whole_transcriptomes_of_counts_come_per_million_by_themselves(tmp_path):
    counts = np.random.default_rng(0).poisson(30, (12_000, 2))
    for sample in range(2):
        lines = [f"ENSG{gene:011}.1\t{count}" for gene, count in enumerate(counts[:, sample])]
        write_text(tmp_path / f"TCGA-AA-000{sample}-01A.htseq.counts", "\n".join(lines) + "\n")
    table = open_molecular(tmp_path)
    assert table.unit == "counts per million"
    np.testing.assert_allclose(table.read(["ENSG00000000007"]).to_numpy().ravel(), counts[7] / counts.sum(axis=0) * 1e6)
    np.testing.assert_allclose(table.read(["ENSG00000011999"]).to_numpy().ravel(), counts[11_999] / counts.sum(axis=0) * 1e6)


def test_symbols_of_star_files_work_for_every_gene_and_the_copy_on_y_steps_back(folder):
    table = open_molecular(folder("gdc-star"))
    assert table.find("DHRSX") == "ENSG00000169084.15"
    assert table.find("ENSG00000169084") == "ENSG00000169084.15"
    assert table.find("ENSG00000169084.15_PAR_Y") == "ENSG00000169084.15_PAR_Y"


def test_a_symbol_that_several_genes_of_a_star_file_share_is_refused_with_their_ids(folder):
    with pytest.raises(TraitError, match=r"'Y_RNA' means 2 features \(ENSG00000999001.1, ENSG00000999002.1\)"):
        open_molecular(folder("gdc-star")).find("Y_RNA")


def test_mature_arms_are_summed_over_isoforms_and_precursors(folder):
    table = open_molecular(folder("gdc-isoforms"), column="read_count")
    assert table.unit == "counts"
    read = table.read(["hsa-miR-17-5p", "hsa-miR-17-3p", "MIMAT0099999", "hsa-mir-9999/MIMAT0099999"])
    np.testing.assert_array_equal(read["hsa-miR-17-5p"], VALUES[0, :3])
    np.testing.assert_array_equal(read["hsa-miR-17-3p"], [4, 4, 4])
    np.testing.assert_array_equal(read["MIMAT0099999"], [16, 16, 16])
    np.testing.assert_array_equal(read["hsa-mir-9999/MIMAT0099999"], [16, 16, 16])


def test_an_arm_that_was_not_seen_is_zero_and_not_missing(folder):
    assert open_molecular(folder("gdc-isoforms")).read(["hsa-miR-29a-3p"])["hsa-miR-29a-3p"].iloc[0] == 0.0


def test_precursors_and_arms_are_not_taken_for_each_other(folder):
    with pytest.raises(TraitError, match=r"closest: hsa-mir-17.*precursors, not mature arms"):
        open_molecular(folder("gdc-mirna", name="p")).find("hsa-miR-17-5p")
    with pytest.raises(TraitError, match="no miRNA 'hsa-mir-17'"):
        open_molecular(folder("gdc-isoforms", name="i")).find("hsa-mir-17")


def test_unlisted_arms_get_their_names_from_a_stated_table(folder, tmp_path):
    fasta = tmp_path / "mature.fa"
    fasta.write_text(
        ">mmu-miR-1-3p MIMAT0000123 Mus musculus miR-1-3p\nUGG\n>hsa-miR-9999-5p MIMAT0099999 Homo sapiens miR-9999-5p\nUGA\n"
    )
    root = folder("gdc-isoforms")
    with pytest.raises(TraitError, match=r"by their accession.*mature\.fa"):
        open_molecular(root).find("hsa-miR-9999-5p")
    table = open_molecular(root, genes=fasta)
    assert table.find("miR-9999-5p") == "hsa-miR-9999-5p" and table.find("hsa-miR-17-5p") == "hsa-miR-17-5p"


def test_a_folder_without_a_sheet_says_where_to_get_one(folder):
    with pytest.raises(TableError, match=r"nothing says which samples its 4 files are of.*Sample Sheet.*gdc_sample_sheet"):
        open_molecular(folder("gdc-star", sheet=False))


def test_a_sheet_beside_the_folder_is_found(folder):
    root = folder("gdc-star")
    (root / "gdc_sample_sheet.2024-05-01.tsv").rename(root.parent / "gdc_sample_sheet.2024-05-01.tsv")
    assert len(open_molecular(root).patients) == 3


def test_two_sheets_are_refused_with_their_names(folder):
    root = folder("gdc-star")
    (root / "gdc_sample_sheet.2.tsv").write_text(f"{SHEET_HEADER}\n")
    with pytest.raises(TableError, match=r"2 sample sheets .*state one"):
        open_molecular(root)


@pytest.mark.parametrize("key", ["folder", "file", "id of the file"])
def test_a_mapping_may_name_files_by_folder_name_or_id(folder, key):
    root = folder("gdc-htseq", sheet=False)
    names = {
        "folder": UUIDS,
        "file": [f"{uuid[::-1]}.htseq.counts" for uuid in UUIDS],
        "id of the file": [u[::-1] for u in UUIDS],
    }
    table = open_molecular(root, sample_sheet=dict(zip(names[key], SAMPLES, strict=True)))
    np.testing.assert_array_equal(table.read(["ESR1"])["ESR1"], VALUES[1, :3])


def test_barcodes_in_the_names_of_files_need_no_sheet(tmp_path):
    for number, sample in enumerate(SAMPLES):
        write_text(tmp_path / "own" / f"{sample}.htseq.counts", counts_text(number))
    assert open_molecular(tmp_path / "own").patients == ("TCGA-AA-0001", "TCGA-AA-0002", "TCGA-AA-0003")


def test_files_and_rows_without_each_other_are_noted(folder):
    root = folder("gdc-star")
    write_text(root / "extra" / "f.rna_seq.augmented_star_gene_counts.tsv", star_text(0))
    next((root / UUIDS[1]).glob("*.tsv")).unlink()
    table = open_molecular(root)
    assert any(note.startswith("1 of 4 files are not in the sample sheet") for note in table.notes)
    assert any(note.startswith("1 files of the sample sheet are not in the folder") for note in table.notes)
    assert table.patients == ("TCGA-AA-0001", "TCGA-AA-0003")


def test_a_sheet_of_another_download_is_refused(folder, tmp_path):
    sheet = tmp_path / "other.tsv"
    sheet.write_text(f"{SHEET_HEADER}\nid\tname.tsv\ta\tb\tc\tTCGA-AA-0001\tTCGA-AA-0001-01A\tPrimary Tumor\n")
    with pytest.raises(TableError, match="none of its 4 files is in the sample sheet"):
        open_molecular(folder("gdc-star"), sample_sheet=sheet)


def test_two_files_of_one_sample_are_noted_and_the_first_is_used(folder):
    root = folder("gdc-htseq", sheet=False)
    table = open_molecular(root, sample_sheet=dict(zip(UUIDS, [SAMPLES[0], SAMPLES[0], *SAMPLES[2:]], strict=True)))
    assert any("1 samples have several files" in note for note in table.notes)
    assert table.read(["ESR1"])["ESR1"].to_dict() == {"TCGA-AA-0001": 5.0, "TCGA-AA-0003": 70.0}


def test_several_kinds_in_one_folder_are_counted_and_one_can_be_stated(folder):
    root = folder("gdc-star")
    folder("gdc-mirna", sheet=False)
    with pytest.raises(TableError, match=r"gdc-mirna: 4 files, gdc-star: 4 files\); state one"):
        open_molecular(root)
    assert open_molecular(root, format="gdc-star").format == "gdc-star"
    with pytest.raises(TableError, match="no files of the format gdc-htseq"):
        open_molecular(root, format="gdc-htseq")


def test_a_single_file_asks_for_its_folder(folder):
    path = next((folder("gdc-star") / UUIDS[0]).glob("*.tsv"))
    with pytest.raises(TableError, match=r"the file of one sample \(gdc-star\); give the folder"):
        open_molecular(path)


def test_a_folder_without_such_files_says_what_it_looked_for(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableError, match="a folder without files of the GDC"):
        open_molecular(tmp_path / "empty")


def test_a_cbioportal_folder_names_its_file(tmp_path):
    (tmp_path / "data_mrna_seq_v2_rsem.txt").write_text("Hugo_Symbol\tTCGA-AA-0001-01\nESR1\t5\n")
    with pytest.raises(TableError, match=r"give one of its files, such as .*data_mrna_seq_v2_rsem\.txt"):
        open_molecular(tmp_path)


def test_a_damaged_file_of_a_folder_is_named_and_not_left_out(folder):
    root = folder("gdc-htseq")
    path = next((root / UUIDS[2]).glob("*.gz"))
    path.write_bytes(path.read_bytes()[:-15])
    with pytest.raises(TableError, match=rf"{path.name}: damaged or cut short"):
        open_molecular(root).read(["ESR1"])


def test_a_page_of_an_error_in_the_place_of_a_file_is_named(folder):
    root = folder("gdc-star")
    path = next((root / UUIDS[2]).glob("*.tsv"))
    path.write_text("<html><body>503 Service Unavailable</body></html>\n")
    with pytest.raises(TableError, match=rf"{path.name}: no readable file of gdc-star"):
        open_molecular(root).read(["ESR1"])


def test_files_with_other_genes_are_read_by_name_and_noted(folder):
    root = folder("gdc-htseq")
    path = next((root / UUIDS[1]).glob("*.gz"))
    write_text(path, "ENSG00000146648.18\t15\nENSG00000091831.24\t6000\n__no_feature\t1\n")
    table = open_molecular(root)
    read = table.read(["MKI67", "ESR1"])
    assert np.isnan(read.loc["TCGA-AA-0002", "MKI67"]) and read.loc["TCGA-AA-0002", "ESR1"] == 6000


def test_normals_of_other_projects_are_told_by_the_sheet(folder, tmp_path):
    sheet = tmp_path / "sheet.tsv"
    types = ["Primary Tumor", "Primary Tumor", "Solid Tissue Normal", "Metastatic"]
    rows = [f"{uuid}\tC3N-0000{n}\tC3N-0000{n}-0{n}\t{types[n]}" for n, uuid in enumerate(UUIDS)]
    sheet.write_text("\n".join(["File ID\tCase ID\tSample ID\tSample Type", *rows]) + "\n")
    table = open_molecular(folder("gdc-star", sheet=False), sample_sheet=sheet)
    assert table.patients == ("C3N-00000", "C3N-00001")
    assert set(table.choices["reason"]) == {"chosen", "normal tissue", "metastasis"}


def test_the_newer_sheet_tells_normals_by_tissue_type(tmp_path):
    sheet = tmp_path / "sheet.tsv"
    rows = ["a\ta.tsv\tP1\tS1\tTumor\tPrimary", "b\tb.tsv\tP1\tS2\tNormal\tNot Applicable", "c\tc.tsv\tP2\tS3\tTumor\tMetastatic"]
    sheet.write_text("\n".join(["File ID\tFile Name\tCase ID\tSample ID\tTissue Type\tTumor Descriptor", *rows]) + "\n")
    assert read_sample_sheet(sheet)["sample_type"].tolist() == ["01", "11", "06"]


def test_the_metadata_of_a_cart_is_a_sample_sheet(folder, tmp_path):
    records = [
        {"file_id": uuid, "file_name": "x.gz", "associated_entities": [{"entity_submitter_id": f"{sample}-11R-A034-07"}]}
        for uuid, sample in zip(UUIDS, SAMPLES, strict=True)
    ]
    for number, record in enumerate(records):
        record["file_name"] = f"{number}.gz"
    path = tmp_path / "metadata.cart.json"
    path.write_text(json.dumps(records))
    table = open_molecular(folder("gdc-htseq", sheet=False), sample_sheet=path)
    assert table.patients == ("TCGA-AA-0001", "TCGA-AA-0002", "TCGA-AA-0003")


@pytest.mark.parametrize("text", ['{"a": 1}', "[1, 2]", "[", '[{"file_id": null}]', "[]"])
def test_other_json_is_no_sample_sheet(tmp_path, text):
    (tmp_path / "metadata.json").write_text(text)
    with pytest.raises(TableError):
        read_sample_sheet(tmp_path / "metadata.json")


def test_a_file_of_two_samples_is_refused(tmp_path, folder):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(f"File ID,Sample ID\n{UUIDS[0]},{SAMPLES[0]}\n{UUIDS[0]},{SAMPLES[1]}\n")
    with pytest.raises(TableError, match="is of two samples"):
        open_molecular(folder("gdc-star", sheet=False), sample_sheet=sheet)


def test_a_pass_over_a_folder_reads_each_file_once_for_genes_and_totals(folder, monkeypatch):
    from cartopath.cohort.matrices import gdc_folder

    reads = []
    original = gdc_folder.SampleFileReader.read

    def read(self, path, **options):
        reads.append(path)
        return original(self, path, **options)

    monkeypatch.setattr(gdc_folder.SampleFileReader, "read", read)
    table = open_molecular(folder("gdc-htseq"), scale="cpm")
    _ = table.features
    reads.clear()
    table.read(["ESR1"])
    table.read(["ERBB2" if "ERBB2" in table.features else "MKI67"])  # Listed genes came along.
    assert len(reads) == 4
