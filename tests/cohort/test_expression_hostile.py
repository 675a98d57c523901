"""Broken and hostile molecular tables: a result or an error that says what is wrong, never anything else."""

import gzip
import time
import tracemalloc
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.cohort.test_expression_folders import KINDS, SAMPLES
from tests.cohort.test_expression_matrices import write_h5ad

from cartopath.cohort import open_molecular
from cartopath.core import h5_trial
from cartopath.core.errors import TableError

FRAME = pd.DataFrame(
    np.round(np.random.default_rng(0).gamma(2, 50, (12, 4)), 2),
    index=pd.Index(["MKI67", "ESR1", "EGFR", *(f"G{i}" for i in range(9))], name="gene"),
    columns=SAMPLES,
)


def write_xlsx(path):
    book = openpyxl.Workbook()
    for row in [
        ["gene", *FRAME.columns],
        *([name, *values] for name, values in zip(FRAME.index, FRAME.to_numpy().tolist(), strict=True)),
    ]:
        book.active.append(row)
    book.save(path)


def write_folder_file(path, kind):
    text = KINDS[kind][0](0).encode()
    path.write_bytes(gzip.compress(text, 1) if path.name.endswith(".gz") else text)


MADE = {
    "plain.tsv": lambda path: FRAME.to_csv(path, sep="\t"),
    "plain.csv.gz": lambda path: path.write_bytes(gzip.compress(FRAME.to_csv().encode(), 1)),
    "turned.csv": lambda path: FRAME.T.rename_axis("sample").to_csv(path),
    "pancan.tsv": lambda path: FRAME.rename(index=lambda name: f"{name}|1").rename_axis("gene_id").to_csv(path, sep="\t"),
    "data_mrna_seq_v2_rsem.txt": lambda path: FRAME.rename_axis("Hugo_Symbol").to_csv(path, sep="\t"),
    "HiSeqV2": lambda path: np.log2(FRAME + 1).rename_axis("sample").to_csv(path, sep="\t"),
    "plain.parquet": lambda path: FRAME.to_parquet(path),
    "plain.xlsx": write_xlsx,
    "dense.h5ad": lambda path: write_h5ad(path, FRAME.to_numpy().T, genes=list(FRAME.index)),
    "sparse.h5ad": lambda path: write_h5ad(
        path, FRAME.to_numpy().T, stored="csr", genes=list(FRAME.index), patients=list("abcd")
    ),
    f"{SAMPLES[0]}.augmented_star_gene_counts.tsv": lambda path: write_folder_file(path, "gdc-star"),
    f"{SAMPLES[0]}.htseq.counts.gz": lambda path: write_folder_file(path, "gdc-htseq"),
    f"{SAMPLES[0]}.isoforms.quantification.txt": lambda path: write_folder_file(path, "gdc-isoforms"),
}
TRAITS = {"isoforms": "hsa-miR-17-5p"}
WORDS = [
    b"\t",
    b",",
    b"\n",
    b'"',
    b"\x00",
    b"\xff\xfe",
    b"NA",
    b"1,5",
    b"-inf",
    b"nan",
    b"#",
    b"=SUM(A1)",
    b"\xef\xbb\xbf",
    b"1e999",
    b"|",
    b"\r",
]


def mutated(content, rng):
    """Cut, flip, repeat, insert or remove something, once to four times."""
    for _ in range(rng.integers(1, 5)):
        place = int(rng.integers(0, max(1, len(content))))
        kind = rng.integers(0, 6)
        if kind == 0:
            content = content[:place]
        elif kind == 1:
            content = (
                content[:place] + bytes(rng.integers(0, 256, size=int(rng.integers(1, 9)), dtype=np.uint8)) + content[place + 4 :]
            )
        elif kind == 2:
            content = content[:place] + WORDS[rng.integers(0, len(WORDS))] + content[place:]
        elif kind == 3:
            content = content[:place] + content[place + int(rng.integers(1, 60)) :]
        elif kind == 4:
            content = content[:place] + content[place : place + 80] * 2 + content[place + 80 :]
        else:
            content = (
                content[:place] + bytes([content[place] ^ (1 << int(rng.integers(0, 8)))]) + content[place + 1 :]
                if content
                else b""
            )
    return content


@pytest.mark.parametrize("name", MADE)
def test_mutations_of_each_kind_of_table_end_in_a_result_or_a_table_error(tmp_path, name):
    original = tmp_path / name
    MADE[name](original)
    content, rng = original.read_bytes(), np.random.default_rng([1, len(name)])
    outcomes = {"read": 0, "refused": 0}
    for number in range(20 if name.endswith("h5ad") else 40):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / name).write_bytes(mutated(content, rng))
        is_one_of_many = name.startswith("TCGA")
        try:
            table = open_molecular(folder if is_one_of_many else folder / name)
            _ = table.choices, table.notes, table.unit, table.totals
            table.read([next((trait for part, trait in TRAITS.items() if part in name), "ESR1")])
            outcomes["read"] += 1
        except TableError as error:
            assert name in str(error) or str(folder) in str(error) or "delimited text" in str(error)
            outcomes["refused"] += 1
    assert outcomes["refused"], outcomes  # Mutations that no reader notices would test nothing.


@pytest.mark.parametrize("name", MADE)
def test_every_table_is_read_before_it_is_damaged(tmp_path, name):
    MADE[name](tmp_path / name)
    table = open_molecular(tmp_path if name.startswith("TCGA") else tmp_path / name)
    assert len(table.read([next((trait for part, trait in TRAITS.items() if part in name), "ESR1")])) >= 1


@pytest.mark.parametrize("name", [name for name in MADE if not name.endswith("h5ad")])
def test_every_text_cut_at_several_places_is_read_or_refused(tmp_path, name):
    MADE[name](tmp_path / name)
    content = (tmp_path / name).read_bytes()
    for part in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        folder = tmp_path / f"{part}"
        folder.mkdir()
        (folder / name).write_bytes(content[: int(part * len(content))])
        try:
            open_molecular(folder if name.startswith("TCGA") else folder / name).read(["ESR1"])
        except TableError:
            continue


@pytest.mark.parametrize("name", ["plain.parquet", "plain.xlsx", "dense.h5ad", "plain.csv.gz"])
def test_a_binary_table_that_is_cut_short_is_always_refused(tmp_path, name):
    MADE[name](tmp_path / name)
    content = (tmp_path / name).read_bytes()
    for part in (0.1, 0.5, 0.9, 0.99):
        (tmp_path / name).write_bytes(content[: int(part * len(content))])
        with pytest.raises(TableError):
            open_molecular(tmp_path / name).read(["ESR1"])


@pytest.mark.parametrize("place", ["header", "label", "number"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_cell_of_100_mb_is_refused_quickly_and_in_bounded_memory(tmp_path, place, packed):
    cell = "7" * (100 << 20)
    rows = {
        "header": f"gene\tTCGA-AA-0001-01A\t{cell}\nESR1\t1\t2\n",
        "label": f"gene\tTCGA-AA-0001-01A\tTCGA-AA-0002-01A\nMYC\t1\t2\n{cell}\t1\t2\n",
        "number": f"gene\tTCGA-AA-0001-01A\tTCGA-AA-0002-01A\nMYC\t1\t2\nESR1\t1\t{cell}\n",
    }
    path = tmp_path / ("big.tsv.gz" if packed else "big.tsv")
    path.write_bytes(gzip.compress(rows[place].encode(), 1) if packed else rows[place].encode())
    del cell, rows
    tracemalloc.start()
    started = time.perf_counter()
    with pytest.raises(TableError, match=r"big\.tsv.*more than 64 MB"):
        open_molecular(path).read(["ESR1"])
    assert time.perf_counter() - started < 20
    assert tracemalloc.get_traced_memory()[1] < 400 << 20
    tracemalloc.stop()


def test_a_gzip_of_endless_zeros_is_refused(tmp_path):
    (tmp_path / "bomb.tsv.gz").write_bytes(gzip.compress(b"gene\tTCGA-AA-0001-01A\n" + bytes(200 << 20), 1))
    with pytest.raises(TableError):
        open_molecular(tmp_path / "bomb.tsv.gz").read(["ESR1"])


@pytest.mark.parametrize("separator", ["|", " ", ":"])
def test_a_delimiter_that_is_not_known_is_said(write, matrix, golden, separator):
    with pytest.raises(TableError, match="one column only"):
        open_molecular(write("t.txt", matrix("gene", golden.symbols, golden.samples, golden.values, separator=separator)))


def test_lines_in_different_encodings_are_read(write, golden, matrix):
    text = matrix("gene", golden.symbols, golden.samples, golden.values).encode()
    mixed = text + "µ-latin\t1\t2\t3\t4\n".encode("cp1252") + "µ-utf\t1\t2\t3\t4\n".encode()
    table = open_molecular(write("t.tsv", mixed))
    golden.check(table)
    assert table.features[-2:] == ("µ-latin", "µ-utf")


def test_formulas_without_values_in_a_workbook_are_named(tmp_path):
    book = openpyxl.Workbook()
    for row in [["gene", "TCGA-AA-0001-01A"], ["ESR1", "=1+1"], ["MYC", 2]]:
        book.active.append(row)
    book.save(tmp_path / "f.xlsx")
    with pytest.raises(TableError, match="B2"):
        open_molecular(tmp_path / "f.xlsx").read(["ESR1"])


def test_a_gene_that_is_there_twice_is_refused_when_asked_for(write):
    table = open_molecular(write("t.csv", "gene,TCGA-AA-0001-01A\nESR1,1\nESR1,2\nMYC,3\n"))
    assert table.read(["MYC"]).iloc[0, 0] == 3
    with pytest.raises(TableError, match="'ESR1' is there 2 times"):
        table.read(["ESR1"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n\n",
        b"# only a comment\n",
        b"\xff\xd8\xff\xe0 a picture \x00\x00",
        b"%PDF-1.4 \x00\x01",
        b"\x1f\x8b",
        b"PK\x03\x04",
    ],
)
def test_what_is_no_table_is_refused_whatever_its_name(write, content):
    for name in ("t.csv", "t.xlsx", "t.parquet", "t.h5ad", "t.txt.gz"):
        path = write("raw", content)
        target = path.with_name(name)
        target.write_bytes(content)
        with pytest.raises(TableError, match=name):
            open_molecular(target)


def test_a_workbook_in_a_zip_of_other_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("a/readme.txt", "x")
        archive.writestr("b.csv", "gene,TCGA-AA-0001-01A\nESR1,1\n")
    with pytest.raises(TableError, match="a zip of 2 files"):
        open_molecular(tmp_path / "t.zip")


def test_an_hdf5_heap_that_would_be_walked_for_ever_is_refused_at_once(tmp_path):
    path = tmp_path / "a.h5ad"
    MADE["dense.h5ad"](path)
    content = bytearray(path.read_bytes())
    heap = content.find(b"GCOL\x01")
    block, end = heap + 16, heap + int.from_bytes(content[heap + 8 : heap + 16], "little")
    while content[block : block + 2] != b"\x00\x00" and block < end:
        block += 16 + -(-int.from_bytes(content[block + 8 : block + 16], "little") // 8) * 8
    content[block + 8 : block + 16] = bytes(8)
    path.write_bytes(content)
    started = time.perf_counter()
    with pytest.raises(TableError, match="a heap with a block of no size"):
        open_molecular(path)
    assert time.perf_counter() - started < 2


def test_a_file_on_which_the_hdf5_library_crashes_or_hangs_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.h5ad"
    MADE["dense.h5ad"](path)
    assert h5_trial.survives(path)
    assert not h5_trial.survives(path, seconds=0.001)
    script = tmp_path / "crash.py"
    script.write_text("import os\nos.kill(os.getpid(), 11)\n")
    monkeypatch.setattr(h5_trial, "_SCRIPT", script)
    with pytest.raises(TableError, match=r"a\.h5ad: damaged HDF5 file \(the HDF5 library crashes"):
        open_molecular(path)


def test_columns_of_parquet_that_are_there_twice_are_refused(tmp_path):
    column = pa.array([1.0, 2.0])
    names = ["gene", "TCGA-AA-0001-01A", "TCGA-AA-0001-01A"]
    pq.write_table(pa.Table.from_arrays([pa.array(["ESR1", "MYC"]), column, column], names=names), tmp_path / "t.parquet")
    with pytest.raises(TableError, match="1 columns are there more than once"):
        open_molecular(tmp_path / "t.parquet")
