"""GDC manifests [F09]."""

import pytest

from cartopath.cohort import manifest_on_disk, read_manifest
from cartopath.core.errors import TableError

HEADER = "id\tfilename\tmd5\tsize\tstate\n"


def write(path, text):
    path.write_text(text)
    return path


def test_fields_and_barcodes_are_read(tmp_path):
    path = write(tmp_path / "m.txt", HEADER + "u-1\tTCGA-49-4488-01Z-00-DX10.x.svs\tmd5\t12\treleased\n")
    row = read_manifest(path).iloc[0]
    assert row[["id", "size", "state", "patient_id", "kind", "number", "sample_type"]].tolist() == [
        "u-1",
        12,
        "released",
        "TCGA-49-4488",
        "DX",
        10,
        "01",
    ]


def test_a_leading_row_number_does_not_matter(tmp_path):
    path = write(tmp_path / "m.txt", "\tid\tfilename\tmd5\tsize\tstate\n138\tu-1\ta.svs\tmd5\t12\tlive\n")
    assert read_manifest(path)["filename"].tolist() == ["a.svs"]


def test_files_that_are_missing_or_cut_short_are_listed(tmp_path):
    lines = "".join(f"u-{i}\tslide{i}.svs\tmd5\t4\treleased\n" for i in range(4))
    manifest = read_manifest(write(tmp_path / "m.txt", HEADER + lines))
    for name, content in (("u-0/slide0.svs", b"1234"), ("u-1/slide1.svs", b"12"), ("elsewhere/slide2.svs", b"1234")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert manifest_on_disk(manifest, tmp_path)["found"].tolist() == ["present", "incomplete", "present", "missing"]


def test_another_table_is_refused_with_what_it_lacks(tmp_path):
    with pytest.raises(TableError, match="no column md5, size"):
        read_manifest(write(tmp_path / "m.txt", "id\tfilename\tstate\nu\ta\tb\n"))


def test_a_size_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(TableError, match="size is no whole number"):
        read_manifest(write(tmp_path / "m.txt", HEADER + "u\ta.svs\tm\tbig\treleased\n"))
