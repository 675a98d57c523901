"""Broken, odd and hostile tables: read, or refused with a TableError that says why."""

import gzip
import io
import os
import time
import tracemalloc
import zipfile

import numpy as np
import openpyxl
import pytest

from cartopath.cohort import read_clinical, receptor_record, survival_record
from cartopath.cohort.clinical import number_column
from cartopath.cohort.delimited import read_words
from cartopath.core.errors import TableError

HEADER = "patient_id,os_days,os_status,ER Status By IHC,HER2 ihc score,age\n"
TABLE = HEADER + "P1,100,1:DECEASED,Positive,3+,50\nP2,200,0:LIVING,Negative,0,61\nP3,300,0:LIVING,,2+,72\n"


def looked_at(path):
    """Read everything a study could ask of a clinical table."""
    clinical = read_clinical(path)
    for read in (
        lambda: survival_record(clinical),
        lambda: receptor_record(clinical, "ER"),
        lambda: receptor_record(clinical, "HER2"),
        lambda: number_column(clinical, "age"),
    ):
        try:
            read()
        except TableError as error:
            assert str(error).strip()
    return clinical


@pytest.mark.parametrize("delimiter", ["|", " ", ":"])
def test_a_delimiter_that_nobody_uses_is_refused_with_those_in_use(write, delimiter):
    with pytest.raises(TableError, match=r"one column only .*expected commas, tabs or semicolons"):
        read_clinical(write("t.csv", TABLE.replace(",", delimiter)))


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_other_delimiters_give_the_same_table(write, delimiter):
    other = read_clinical(write("t.txt", TABLE.replace(",", delimiter)))
    assert other.table.equals(read_clinical(write("t.csv", TABLE)).table)


def test_rows_with_another_delimiter_than_the_header_are_refused(write):
    with pytest.raises(TableError, match="row 1 has 1 cells, the header 6"):
        read_clinical(write("t.csv", HEADER + TABLE.removeprefix(HEADER).replace(",", "\t")))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings_give_the_same_table(write, encoding):
    text = TABLE.replace("age", "âge")
    assert read_clinical(write("t.csv", text.encode(encoding))).table.equals(read_clinical(write("u.csv", text)).table)


def test_a_gzipped_utf_16_table_is_read(write):
    assert read_clinical(write("t.csv.gz", TABLE.encode("utf-16"))).patients == ("P1", "P2", "P3")


def test_lines_in_several_encodings_are_each_read_in_their_own(write):
    content = "patient_id,site\nP1,Zürich\n".encode() + "P2,Köln\n".encode("cp1252")
    assert read_clinical(write("t.csv", content)).table["site"].tolist() == ["Zürich", "Köln"]


def test_utf_32_is_refused(write):
    with pytest.raises(TableError, match="not a text table"):
        read_clinical(write("t.csv", TABLE.encode("utf-32")))


def test_columns_of_one_name_are_both_kept_and_the_first_is_meant(write):
    clinical = read_clinical(write("t.csv", "patient_id,age,age,age.1\nP1,1,2,3\n"))
    assert list(clinical.table.columns) == ["patient_id", "age", "age.1", "age.1.1"]
    assert number_column(clinical, "AGE").tolist() == [1.0]


def test_the_same_patient_twice_is_one_patient_when_the_rows_agree(write):
    clinical = looked_at(write("t.csv", TABLE + "P1,100,1:DECEASED,Positive,3+,50\n"))
    assert (clinical.patients, clinical.n_rows, clinical.disagreements) == (("P1", "P2", "P3"), 4, {})


def test_the_same_patient_twice_is_refused_where_it_matters_when_the_rows_disagree(write):
    clinical = read_clinical(write("t.csv", TABLE + "P1,101,1:DECEASED,Positive,3+,50\n"))
    assert clinical.disagreements == {"os_days": ("P1",)}
    with pytest.raises(TableError, match=r"rows of 1 patients disagree in 'os_days' \(P1\)"):
        survival_record(clinical)


def test_a_bad_cell_is_named_by_column_patient_and_word(write):
    clinical = read_clinical(write("t.csv", TABLE.replace("200", "2oo")))
    with pytest.raises(TableError, match=r"t\.csv: 1 cells of column 'os_days' are no numbers \('2oo' of P2\); mend them"):
        survival_record(clinical)


def test_decimal_commas_are_hinted_at(write):
    clinical = read_clinical(write("t.csv", "patient_id;OS_MONTHS;OS_STATUS\nP1;12,5;1\nP2;3;0\n"))
    with pytest.raises(TableError, match=r"\('12,5' of P1\); numbers are written with a point, 12\.5 instead of 12,5"):
        survival_record(clinical)


@pytest.mark.parametrize("word", ["inf", "-inf", "1e999"])
def test_infinite_times_are_no_numbers(write, word):
    with pytest.raises(TableError, match=r"no numbers .* of P1"):
        survival_record(read_clinical(write("t.csv", TABLE.replace("100", word))))


@pytest.mark.parametrize("wrap", ["{}", '"{}"', '"{}', '"' + "\n".join(["{}"] * 2) + '"'])
def test_a_cell_of_100_mb_is_refused_quickly_and_in_bounded_memory(tmp_path, wrap):
    path = tmp_path / "t.csv"
    with path.open("w") as file:
        file.write(HEADER + "P1,100,1,")
        before, _, after = wrap.partition("{}")
        file.write(before)
        for _ in range(100):
            file.write("x" * (1 << 20))
        file.write(after.replace("{}", "y") + ",3+,50\n")
    tracemalloc.start()
    started = time.monotonic()
    with pytest.raises(TableError, match=r"more than 64 MB; this is no table|field larger than field limit"):
        read_clinical(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.monotonic() - started < 10 and peak < 400 << 20


def test_a_100_mb_cell_made_of_short_lines_is_refused_in_bounded_memory(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("w") as file:
        file.write(HEADER + 'P1,100,1,"')
        for _ in range(1000):
            file.write(("x" * 99 + "\n") * 1000)
        file.write('",3+,50\n')
    tracemalloc.start()
    with pytest.raises(TableError, match="field larger than field limit"):
        read_clinical(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_an_enormous_cell_of_a_workbook_is_named(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["patient_id", "age"])
    book.active.append(["P1", "50"])
    book.save(tmp_path / "t.xlsx")
    with zipfile.ZipFile(tmp_path / "t.xlsx") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["xl/worksheets/sheet1.xml"] = members["xl/worksheets/sheet1.xml"].replace(b">50<", b">" + b"x" * 5_000_000 + b"<")
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(TableError, match="B2 of 5,000,000 characters"):
        read_clinical(tmp_path / "t.xlsx")


def test_more_text_than_a_table_of_patients_has_is_refused(write, monkeypatch):
    monkeypatch.setattr("cartopath.cohort.delimited.MAX_TEXT", 1 << 20)
    with pytest.raises(TableError, match="more than 1 MB of text"):
        read_clinical(write("bomb.csv.gz", HEADER + "\n" * (2 << 20)))


@pytest.mark.parametrize("cells", [5, 7])
def test_a_ragged_row_is_named(write, cells):
    with pytest.raises(TableError, match=f"row 4 has {cells} cells, the header 6; mend that line"):
        read_clinical(write("t.csv", TABLE + ",".join(["P4"] * cells) + "\n"))


def test_a_quote_that_is_never_closed_is_named(write):
    with pytest.raises(TableError, match="a quote in row 2 is never closed; mend that line"):
        read_clinical(write("t.csv", TABLE.replace("P2,200", 'P2,"200')))


def test_stray_quotes_do_not_swallow_the_rows_between_them(write):
    rows = "".join(f"P{number}\t5\ta\tb\n" for number in range(20))
    text = "patient_id\tos_days\tfirst\tsecond\n" + rows.replace("P3\t5\ta", 'P3\t5\t"a').replace("P9\t5\ta", 'P9\t5\t"a')
    with pytest.raises(TableError, match="a quote opened in row 4 takes in whole rows after it"):
        read_clinical(write("t.tsv", text))


def test_a_quote_inside_a_cell_is_a_character(write):
    assert read_words(write("t.csv", 'a,b\n5" wide,x\n'))[1] == [['5" wide', "x"]]


def test_zero_bytes_are_refused_with_their_line(write):
    with pytest.raises(TableError, match="line 3 holds zero bytes"):
        read_clinical(write("t.csv", TABLE.replace("200", "2\x000")))


def test_a_table_that_names_no_patient_is_refused(write):
    with pytest.raises(TableError, match="column 'patient_id' names no patient in 2 rows"):
        read_clinical(write("t.csv", "patient_id,age\n,5\nNA,6\n"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the table is empty"),
        (b"\n\n\n", "the table is empty"),
        (b"#a,b\n#c,d\n", "the table is empty"),
        (HEADER.encode(), "a header and no rows"),
        (b"patient_id\nP1\n", "one column only"),
        (bytes(range(256)) * 40, "zero bytes"),
        (b"\x1f\x8b\x08\x00", "damaged or cut short"),
        (b"PK\x03\x04" + b"x" * 100, "damaged or cut short"),
        (b"\xff\xfe", "the table is empty"),
        (b"PAR1" + b"\0" * 100, "zero bytes"),
    ],
)
def test_what_is_no_table_is_refused(write, content, message):
    with pytest.raises(TableError, match=message):
        read_clinical(write("t.csv", content))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", ["gzip", "zip", "xlsx"])
def test_a_compressed_table_that_was_cut_short_is_refused(tmp_path, kind, share):
    content = compressed(kind)
    path = tmp_path / "t"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(TableError, match="damaged or cut short"):
        read_clinical(path)


@pytest.mark.parametrize("n_files", [0, 2])
def test_a_zip_of_several_files_or_none_is_refused(tmp_path, n_files):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        for number in range(n_files):
            archive.writestr(f"{number}.csv", TABLE)
    with pytest.raises(TableError, match=f"a zip of {n_files} files"):
        read_clinical(tmp_path / "t.zip")


def test_an_encrypted_zip_is_refused(tmp_path):
    content = bytearray(compressed("zip"))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "t.zip").write_bytes(content)
    with pytest.raises(TableError, match=r"cannot be unpacked .*password"):
        read_clinical(tmp_path / "t.zip")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(TableError, match="no such table; check the path"):
        read_clinical(tmp_path / "t.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
def test_a_file_without_permission_is_refused(write):
    path = write("t.csv", TABLE)
    path.chmod(0)
    with pytest.raises(TableError, match=r"cannot be read .*permissions"):
        read_clinical(path)


def test_a_file_that_the_system_refuses_to_open_is_refused(write, monkeypatch):
    def refuse(path, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(path))

    path = write("t.csv", TABLE)
    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(TableError, match=r"cannot be read \(Permission denied\); check its permissions"):
        read_clinical(path)


def compressed(kind):
    rows = [line.split(",") for line in TABLE.splitlines()]
    buffer = io.BytesIO()
    if kind == "gzip":
        return gzip.compress(TABLE.encode(), mtime=0)
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("t.csv", TABLE)
    else:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append([int(cell) if cell.isdigit() else cell for cell in row])
        book.save(buffer)
    return buffer.getvalue()


def mutated(content, rng):
    """Change, insert, remove or repeat a few bytes anywhere."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        if not content:
            break
        place = int(rng.integers(0, len(content)))
        end = min(len(content), place + int(rng.integers(1, 9)))
        match rng.integers(0, 6):
            case 0:
                content[place] = int(rng.integers(0, 256))
            case 1:
                content[place:place] = rng.integers(0, 256, int(rng.integers(1, 9)), dtype=np.uint8).tobytes()
            case 2:
                del content[place:end]
            case 3:
                content[place:place] = content[place:end] * int(rng.integers(1, 40))
            case 4:
                content[place:end] = rng.choice([b"\0", b'"', b",", b"\n", b"\r", b"\t", b"#", b":", b"\xff\xfe", b"-", b"e9"])
            case _:
                content = content[: max(1, place)]
    return bytes(content)


@pytest.mark.parametrize("kind", ["csv", "tsv", "gzip", "zip", "xlsx", "xlsx-member"])
def test_mutated_tables_are_read_or_refused(tmp_path, kind):
    rng = np.random.default_rng([2024, len(kind), sum(kind.encode())])
    text = {"csv": TABLE, "tsv": TABLE.replace(",", "\t")}.get(kind)
    content = compressed(kind.removesuffix("-member")) if text is None else text.encode()
    outcomes = {"read": 0, "refused": 0}
    for number in range(120):
        path = tmp_path / f"{number}"
        path.write_bytes(with_mutated_member(content, rng) if kind == "xlsx-member" else mutated(content, rng))
        started = time.monotonic()
        try:
            looked_at(path)
            outcomes["read"] += 1
        except TableError as error:
            assert str(path) in str(error), error
            outcomes["refused"] += 1
        assert time.monotonic() - started < 10
    assert outcomes["refused"] > 0 and (outcomes["read"] > 0 or kind in ("gzip", "zip", "xlsx"))  # These carry checksums.


def with_mutated_member(content, rng):
    """Mutate the XML inside a workbook, so that its checksums are right and its content is not."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    names = [name for name in members if name.startswith("xl/")]
    name = names[int(rng.integers(0, len(names)))]
    members[name] = mutated(members[name], rng)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return buffer.getvalue()
