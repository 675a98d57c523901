"""Tables and JSON files that say what they are, and readers that refuse what is not theirs."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartopath.core.errors import ArtifactError
from cartopath.store.artifacts import Header, read_header, read_json, read_table, write_csv, write_json, write_table

TABLE = pd.DataFrame({"slide_id": ["a", "b"], "n": [1, 2], "score": [0.5, np.nan]})
HEADER = Header(kind="tiles", version=2, key="k1", meta={"mpp": 0.5, "counts": {"kept": 2}})


def test_a_table_comes_back_with_its_header(tmp_path):
    write_table(TABLE, tmp_path / "t.parquet", HEADER)
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet", "tiles", version=2), TABLE)
    assert read_header(tmp_path / "t.parquet", "tiles", version=2) == HEADER


def test_only_the_columns_asked_for_are_read(tmp_path):
    write_table(TABLE, tmp_path / "t.parquet", HEADER)
    assert list(read_table(tmp_path / "t.parquet", "tiles", version=2, columns=["n"])) == ["n"]


def test_the_index_of_a_table_is_not_kept(tmp_path):
    write_table(TABLE.set_index("slide_id"), tmp_path / "t.parquet", HEADER)
    assert list(read_table(tmp_path / "t.parquet", "tiles", version=2)) == ["n", "score"]


def test_a_dictionary_comes_back_without_its_header(tmp_path):
    write_json({"voting": [1, 2]}, tmp_path / "e.json", Header(kind="ensemble"))
    assert read_json(tmp_path / "e.json", "ensemble") == {"voting": [1, 2]}


def parquet(path, header=HEADER):
    write_table(TABLE, path, header)


def json_file(path, header=HEADER):
    write_json({"a": 1}, path, header)


@pytest.mark.parametrize(("write", "read"), [(parquet, read_table), (json_file, read_json)], ids=["table", "json"])
class TestReadersRefuse:
    def test_a_file_that_is_not_there(self, tmp_path, write, read):
        with pytest.raises(ArtifactError, match=r"absent: no such tiles .*run the stage that writes it"):
            read(tmp_path / "absent", "tiles")

    def test_another_kind(self, tmp_path, write, read):
        write(tmp_path / "f")
        with pytest.raises(ArtifactError, match=r"f: expected kind 'splits', found 'tiles'"):
            read(tmp_path / "f", "splits", version=2)

    def test_a_newer_version(self, tmp_path, write, read):
        write(tmp_path / "f")
        with pytest.raises(ArtifactError, match=r"tiles version 2 is newer than 1; update cartopath"):
            read(tmp_path / "f", "tiles", version=1)

    def test_but_not_an_older_version(self, tmp_path, write, read):
        write(tmp_path / "f", Header(kind="tiles", version=1))
        assert len(read(tmp_path / "f", "tiles", version=2)) > 0

    def test_a_torn_file(self, tmp_path, write, read):
        write(tmp_path / "f")
        (tmp_path / "f").write_bytes((tmp_path / "f").read_bytes()[:40])
        with pytest.raises(ArtifactError, match=r"f: not (a )?readable .*delete it and run again"):
            read(tmp_path / "f", "tiles", version=2)

    def test_an_empty_file(self, tmp_path, write, read):
        (tmp_path / "f").touch()
        with pytest.raises(ArtifactError, match=r"f: not (a )?readable"):
            read(tmp_path / "f", "tiles")


def test_a_parquet_file_of_another_program_is_refused(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "f.parquet")
    with pytest.raises(ArtifactError, match=r"f\.parquet: written by another program: no cartopath header"):
        read_table(tmp_path / "f.parquet", "tiles")


@pytest.mark.parametrize("header", [b"{", b"[]", b'{"version": 1}', b'{"kind": "tiles", "surprise": 1}'])
def test_a_parquet_file_with_a_damaged_header_is_refused(tmp_path, header):
    table = pa.table({"a": [1]})
    pq.write_table(table.replace_schema_metadata({b"cartopath": header}), tmp_path / "f.parquet")
    with pytest.raises(ArtifactError, match="its header is damaged"):
        read_table(tmp_path / "f.parquet", "tiles")


@pytest.mark.parametrize("content", ["{}", '{"header": 3}', '{"header": {"kind": 3}}'])
def test_a_json_file_without_a_good_header_is_refused(tmp_path, content):
    (tmp_path / "f.json").write_text(content)
    with pytest.raises(ArtifactError, match="its header is damaged"):
        read_json(tmp_path / "f.json", "tiles")


@pytest.mark.parametrize("content", ["[1]", "3", '"text"', "null"])
def test_json_that_is_no_object_is_refused(tmp_path, content):
    (tmp_path / "f.json").write_text(content)
    with pytest.raises(ArtifactError, match="expected a JSON object of kind 'tiles'"):
        read_json(tmp_path / "f.json", "tiles")


def test_json_holds_no_number_that_other_programs_cannot_read(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json({"auroc": float("nan")}, tmp_path / "f.json", HEADER)
    assert not (tmp_path / "f.json").exists()


def test_equal_tables_give_equal_parquet_bytes(tmp_path):
    for name in ("a", "b"):
        write_table(TABLE.copy(), tmp_path / name, HEADER)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_equal_dictionaries_give_equal_json_bytes_whatever_their_order(tmp_path):
    write_json({"a": 1, "b": 2}, tmp_path / "a", HEADER)
    write_json({"b": 2, "a": 1}, tmp_path / "b", HEADER)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert json.loads((tmp_path / "a").read_text())["header"]["kind"] == "tiles"


def test_csv_bytes_are_ten_digits_unix_lines_and_empty_for_missing(tmp_path):
    table = pd.DataFrame({"name": ["a,b", None], "value": [1 / 3, np.nan], "n": pd.array([1, None], dtype="Int64")})
    write_csv(table, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == b'name,value,n\n"a,b",0.3333333333,1\n,,\n'


def test_a_csv_of_no_rows_keeps_its_column_names(tmp_path):
    write_csv(pd.DataFrame(columns=["a", "b"]), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "a,b\n"
