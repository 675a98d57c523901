"""Reading a few features out of a large matrix."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from cartopath.cohort import open_molecular
from cartopath.core.errors import TraitError


def test_features_come_in_the_order_asked_and_under_the_names_asked(write, matrix, golden):
    table = open_molecular(write("eb.tsv", matrix("gene_id", golden.genes, golden.samples, golden.values)))
    read = table.read(["EGFR", "MKI67|4288", "mki67"])
    assert list(read.columns) == ["EGFR", "MKI67|4288", "mki67"]
    np.testing.assert_array_equal(read["mki67"], golden.values[0, :3])
    np.testing.assert_array_equal(read["EGFR"], golden.values[2, :3])


def test_an_absent_trait_is_named_with_the_file_and_the_closest(write, matrix, golden):
    table = open_molecular(write("eb.tsv", matrix("gene_id", golden.genes, golden.samples, golden.values)))
    with pytest.raises(TraitError, match=r"eb\.tsv: no gene 'MIK67' \(3 features; closest: MKI67\|4288"):
        table.read(["ESR1", "MIK67"])


def test_choices_say_what_became_of_every_sample(write, matrix, golden):
    table = open_molecular(write("eb.tsv", matrix("gene_id", golden.genes, golden.samples, golden.values)))
    assert table.choices["reason"].tolist() == ["chosen", "chosen", "chosen", "normal tissue"]
    assert table.patients == golden.patients


@pytest.mark.parametrize("lying", ["genes-by-samples", "samples-by-genes"])
@pytest.mark.parametrize("stored", ["m.tsv.gz", "m.parquet"])
def test_three_genes_of_a_large_matrix_need_little_memory(tmp_path, write, matrix, lying, stored):
    values = np.round(np.random.default_rng(0).gamma(2, 100, (1000, 500)), 2)
    genes, samples = [f"G{i}" for i in range(1000)], [f"TCGA-AA-{i:04}-01A" for i in range(500)]
    frame = pd.DataFrame(values, index=pd.Index(genes, name="gene"), columns=samples)
    frame = frame if lying == "genes-by-samples" else frame.T.rename_axis("sample")
    if stored.endswith("parquet"):
        frame.to_parquet(tmp_path / stored)
        path = tmp_path / stored
    else:
        path = write(stored, matrix(frame.index.name, frame.index, frame.columns, frame.to_numpy()))
    tracemalloc.start()
    read = open_molecular(path).read(["G7", "G999", "G0"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(read.to_numpy(), values[[7, 999, 0]].T, rtol=1e-4)
    assert peak < values.nbytes  # Not even the numbers alone were held at once.


COUNTS = np.random.default_rng(1).poisson(40, (5000, 3))


def counts_frame(values=COUNTS):
    index = pd.Index([f"G{i}" for i in range(len(values))], name="gene")
    return pd.DataFrame(values, index=index, columns=[f"TCGA-AA-000{i}-01A" for i in range(3)])


@pytest.mark.parametrize("lying", ["genes-by-samples", "samples-by-genes"])
@pytest.mark.parametrize("stored", ["counts.tsv", "counts.parquet"])
def test_counts_of_a_whole_transcriptome_are_given_per_million(tmp_path, lying, stored):
    frame = counts_frame() if lying == "genes-by-samples" else counts_frame().T.rename_axis("sample")
    path = tmp_path / stored
    frame.to_parquet(path) if stored.endswith("parquet") else frame.to_csv(path, sep="\t")
    table = open_molecular(path)
    assert table.unit == "counts per million"
    np.testing.assert_allclose(table.read(["G5"])["G5"], COUNTS[5] / COUNTS.sum(axis=0) * 1e6)
    assert open_molecular(path, scale="as-is").unit == "counts"
    np.testing.assert_array_equal(open_molecular(path, scale="as-is").read(["G5"])["G5"], COUNTS[5])


def test_depth_of_sequencing_does_not_move_a_patient(tmp_path):
    counts_frame().to_csv(tmp_path / "a.tsv", sep="\t")
    counts_frame(COUNTS * [1, 3, 10]).to_csv(tmp_path / "b.tsv", sep="\t")
    first, second = (open_molecular(tmp_path / name).read(["G1", "G2"]) for name in ("a.tsv", "b.tsv"))
    pd.testing.assert_frame_equal(first, second)


def test_reads_of_no_gene_do_not_count_as_depth(tmp_path):
    frame = counts_frame()
    frame.loc["__no_feature"] = 10**9
    frame.to_csv(tmp_path / "htseq.tsv", sep="\t")
    frame.T.rename_axis("sample").to_csv(tmp_path / "turned.tsv", sep="\t")
    for name in ("htseq.tsv", "turned.tsv"):
        np.testing.assert_allclose(open_molecular(tmp_path / name).totals, COUNTS.sum(axis=0))


def test_a_panel_of_counts_is_given_as_it_is(tmp_path):
    counts_frame(COUNTS[:50]).to_csv(tmp_path / "panel.tsv", sep="\t")
    assert open_molecular(tmp_path / "panel.tsv").unit == "counts"
