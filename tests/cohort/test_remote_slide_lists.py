"""Slides that tables and folders give as URLs; nothing but listings is asked of a server."""

from __future__ import annotations

import pytest

from cartopath.cohort import read_slides
from cartopath.cohort.slide_lists.duplicate_slides import duplicate_findings
from cartopath.core.errors import TableError
from cartopath.core.locations import as_path


def write_table(folder, *rows, header="slide_id,path"):
    path = folder / "slides.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def put(*urls):
    for url in urls:
        as_path(url).write_bytes(b"something")


def test_a_table_may_give_urls_and_needs_no_folder_then(tmp_path):
    table = write_table(tmp_path, "A,s3://bucket/one/A.svs", "B,https://host/B.tif")
    slides = read_slides(tmp_path / "nowhere", table)
    assert slides[["slide_id", "path", "on_disk"]].to_numpy().tolist() == [
        ["A", "s3://bucket/one/A.svs", "at a URL"],
        ["B", "https://host/B.tif", "at a URL"],
    ]


def test_a_table_may_mix_urls_and_files(tmp_path):
    (tmp_path / "slides").mkdir()
    (tmp_path / "slides" / "A.svs").write_bytes(b"something")
    table = write_table(tmp_path, "A,A.svs", "B,https://host/B.tif", "C,C.svs")
    assert read_slides(tmp_path / "slides", table)["on_disk"].tolist() == ["present", "at a URL", "missing"]


def test_a_table_that_mixes_needs_its_folder(tmp_path):
    table = write_table(tmp_path, "A,A.svs", "B,https://host/B.tif")
    with pytest.raises(TableError, match="no such folder of slides"):
        read_slides(tmp_path / "nowhere", table)


def test_a_url_of_this_machine_is_its_file(tmp_path):
    (tmp_path / "A.svs").write_bytes(b"something")
    table = write_table(tmp_path, f"A,file://{tmp_path.as_posix()}/A.svs", f"B,file://{tmp_path.as_posix()}/B.svs")
    slides = read_slides(tmp_path, table)
    assert slides["on_disk"].tolist() == ["present", "missing"]
    assert slides["path"][0] == str(tmp_path / "A.svs")


def test_a_slide_is_named_by_its_url_without_the_query(tmp_path):
    table = write_table(tmp_path, "https://host/TCGA-A1-A0SB-01Z-00-DX1.0f2.svs?version=3", header="path")
    (row,) = read_slides(tmp_path, table).to_dict("records")
    assert (row["slide_id"], row["patient_id"]) == ("TCGA-A1-A0SB-01Z-00-DX1", "TCGA-A1-A0SB")
    assert row["path"].endswith("?version=3")


def test_the_slides_of_a_folder_at_a_url_are_listed(tmp_path):
    put("memory://cohort/b/B.svs", "memory://cohort/A.svs", "memory://cohort/notes.txt", "memory://cohort/.hidden/C.svs")
    put("memory://cohort/D.mrxs", "memory://cohort/D/Data0001.tif")
    slides = read_slides("memory://cohort")
    assert slides[["slide_id", "path", "on_disk"]].to_numpy().tolist() == [
        ["A", "memory://cohort/A.svs", "present"],
        ["D", "memory://cohort/D.mrxs", "present"],
        ["B", "memory://cohort/b/B.svs", "present"],
    ]


def test_masks_at_a_url_are_set_aside_and_patterns_hold():
    put("memory://masks/A.svs", "memory://masks/A_mask.tif", "memory://masks/B.png")
    assert read_slides("memory://masks")["exclude"].tolist() == ["", "looks like a mask by its name (of A)"]
    assert read_slides("memory://masks", pattern="*.png")["slide_id"].tolist() == ["B"]


def test_names_of_a_table_are_found_below_a_url(tmp_path):
    put("memory://named/x/A.svs", "memory://named/B.svs")
    table = write_table(tmp_path, "A,", "B,B.svs", "C,C.svs")
    slides = read_slides("memory://named", table)
    assert slides["path"].tolist()[:2] == ["memory://named/x/A.svs", "memory://named/B.svs"]
    assert slides["on_disk"].tolist() == ["present", "present", "missing"]


def test_a_manifest_is_found_below_a_url(tmp_path):
    put("memory://gdc/1a/A.svs", "memory://gdc/B.svs.partial")
    manifest = tmp_path / "manifest.txt"
    manifest.write_text("id\tfilename\tmd5\tsize\tstate\n1a\tA.svs\tx\t9\treleased\n2b\tB.svs\tx\t9\treleased\n")
    assert read_slides("memory://gdc", manifest)["on_disk"].tolist() == ["present", "incomplete"]


def test_the_index_of_a_web_server_is_a_folder(tmp_path, serve):
    (tmp_path / "sub").mkdir()
    for name in ("A.svs", "sub/B.tif"):
        (tmp_path / name).write_bytes(b"something")
    url = serve(tmp_path)
    slides = read_slides(url)
    assert slides["path"].tolist() == [f"{url}/A.svs", f"{url}/sub/B.tif"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("memory://hidden", "no file is there"),
        ("memory://nowhere", "cannot be listed .there is no such file"),
        ("http://127.0.0.1:9/x", "cannot be listed .Cannot connect"),
    ],
)
def test_a_url_that_holds_nothing_is_a_table_error(url, words):
    put("memory://hidden/.secret/A.svs")
    with pytest.raises(TableError, match=rf"{url}: .*{words}.*; check slides\.dir"):
        read_slides(url)


def test_one_url_under_two_names_is_found(tmp_path):
    table = write_table(tmp_path, "A,https://host/A.svs", "B,https://host/A.svs", "C,https://host/C.svs")
    findings = list(duplicate_findings(read_slides(tmp_path, table)))
    assert [(finding.code, "A = B" in finding.message) for finding in findings] == [("duplicate-file", True)]


def test_one_name_for_two_urls_is_found_by_what_their_servers_say(tmp_path):
    put("memory://twice/1.svs")
    as_path("memory://twice/2.svs").write_bytes(b"something else")
    table = write_table(tmp_path, "A,memory://twice/1.svs", "A,memory://twice/2.svs")
    (finding,) = duplicate_findings(read_slides(tmp_path, table))
    assert (finding.severity, finding.code) == ("error", "duplicate-slide")
    assert "memory://twice/1.svs, memory://twice/2.svs" in finding.message


def test_a_url_of_a_single_slide_is_told_to_give_its_folder():
    put("memory://single/A.svs")
    with pytest.raises(TableError, match=r"a file; give the folder it lies in, with --pattern 'A.svs'"):
        read_slides(as_path("memory://single/A.svs"))
