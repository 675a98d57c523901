"""Sheets of Excel workbooks as words."""

import datetime
import zipfile
from pathlib import Path

import openpyxl
import pytest

from cartopath.cohort import read_clinical, read_slides
from cartopath.cohort.delimited import read_head, read_words
from cartopath.cohort.slide_lists.manifests import read_manifest
from cartopath.cohort.spreadsheet import is_workbook, read_sheet
from cartopath.core.errors import TableError

ROWS = (("patient_id", "age"), ("P1", 50), ("P2", 61.5))
OPEN_FILES = Path("/proc/self/fd")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.fixture
def workbook(tmp_path):
    """Write sheets of rows to a workbook and return its path."""

    def workbook_(*rows, name="t.xlsx", **sheets):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, content in {"Sheet1": rows, **sheets}.items():
            sheet = book.create_sheet(title)
            for row in content:
                sheet.append(row)
        book.save(tmp_path / name)
        return tmp_path / name

    return workbook_


@pytest.fixture
def edit():
    """Replace text in a member of a workbook."""

    def edit_(path, member, old, new):
        with zipfile.ZipFile(path) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        assert old in contents[member]
        contents[member] = contents[member].replace(old, new)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
        return path

    return edit_


def ole(path, *, stream):
    """Write the beginning of a compound file: a header of one sector, then the directory that names a stream."""
    header = bytearray(OLE.ljust(512, b"\0"))
    header[30:32] = (9).to_bytes(2, "little")
    path.write_bytes(bytes(header) + stream.encode("utf-16-le").ljust(512, b"\0"))
    return path


def test_a_workbook_is_told_by_its_content(workbook, tmp_path):
    assert is_workbook(workbook(*ROWS, name="clinical.csv"))
    (tmp_path / "real.xlsx").write_text("a,b\n1,2\n")
    with zipfile.ZipFile(tmp_path / "zip.xlsx", "w") as archive:
        archive.writestr("a.csv", "a,b\n1,2\n")
    assert not is_workbook(tmp_path / "real.xlsx") and not is_workbook(tmp_path / "zip.xlsx")
    assert not is_workbook(tmp_path / "absent.xlsx") and not is_workbook(tmp_path)


def test_text_that_is_called_xlsx_is_read_as_text(tmp_path):
    (tmp_path / "real.xlsx").write_text("a,b\n1,2\n")
    assert read_words(tmp_path / "real.xlsx")[1] == [["1", "2"]]


def test_cells_are_the_words_that_text_would_hold(workbook):
    day, moment = datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3, 4, 5)
    path = workbook(
        ("x",) * 8, (1, 2.0, 0.1, True, day, moment, " word ", None), (1e15, -3, 1e-7, "#N/A", None, None, None, "end")
    )
    assert read_sheet(path)[1:] == [
        ["1", "2", "0.1", "TRUE", "2020-01-02", "2020-01-02 03:04:05", "word", ""],
        ["1000000000000000", "-3", "1e-07", "NA", "", "", "", "end"],
    ]


def test_rows_have_one_width_and_begin_with_the_first_that_is_not_blank(workbook):
    path = workbook((None,), ("a", "b"), (1,), (None,), (1, 2, 3), (None,))
    assert read_sheet(path) == [["a", "b", ""], ["1", "", ""], ["", "", ""], ["1", "2", "3"]]


def test_the_first_sheet_with_a_table_is_taken_and_another_can_be_stated(workbook):
    path = workbook(("About this file",), ("Made by hand",), clinical=ROWS, more=(("a", "b"), ("1", "2")))
    assert read_sheet(path)[0] == ["patient_id", "age"]
    assert read_words(path, sheet="more")[1] == [["1", "2"]]
    assert read_clinical(path, sheet="clinical").patients == ("P1", "P2")


def test_hidden_sheets_are_not_taken(workbook):
    path = workbook(("x", "y"), (1, 2), clinical=ROWS)
    book = openpyxl.load_workbook(path)
    book["Sheet1"].sheet_state = "hidden"
    book.save(path)
    assert read_sheet(path)[0] == ["patient_id", "age"]


MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
AS_EXCEL_WRITES = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{CONTENT}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{CONTENT}.worksheet+xml"/>'
    f'<Override PartName="/xl/sharedStrings.xml" ContentType="{CONTENT}.sharedStrings+xml"/></Types>',
    "_rels/.rels": f'<Relationships {RELATIONS}><Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>",
    "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{OFFICE}"><sheets><sheet name="TCGA-CDR" sheetId="1" r:id="rId1"/></sheets>'
    "</workbook>",
    "xl/_rels/workbook.xml.rels": f'<Relationships {RELATIONS}><Relationship Id="rId1" Type="{OFFICE}/worksheet" '
    f'Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    "</Relationships>",
    "xl/sharedStrings.xml": f"<sst {MAIN}><si><t>bcr_patient_barcode</t></si><si><t>OS</t></si><si><r><t>OS</t></r>"
    "<r><t>.time</t></r></si><si><t>TCGA-AA-0001</t></si></sst>",
    "xl/worksheets/sheet1.xml": f'<worksheet {MAIN}><dimension ref="A1:C2"/><sheetData><row r="1" spans="1:3">'
    '<c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c></row><row r="2" spans="1:3">'
    '<c r="A2" t="s"><v>3</v></c><c r="B2"><v>1</v></c><c r="C2"><f>1300+55</f><v>1355</v></c></row><row r="3">'
    '<c r="A3" t="s"><v>3</v></c><c r="B3" t="e"><f>NA()</f><v>#N/A</v></c><c r="C3" t="str"><f>""</f><v></v></c></row>'
    "</sheetData></worksheet>",
}


def test_a_workbook_as_excel_writes_it_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "cdr.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in AS_EXCEL_WRITES.items():
            archive.writestr(name, text)
    assert read_sheet(tmp_path / "cdr.xlsx") == [
        ["bcr_patient_barcode", "OS", "OS.time"],
        ["TCGA-AA-0001", "1", "1355"],
        ["TCGA-AA-0001", "NA", ""],
    ]


def test_an_absent_sheet_lists_the_sheets(workbook):
    with pytest.raises(TableError, match=r"no sheet 'clinic' \(there are: 'Sheet1', 'clinical'\)"):
        read_sheet(workbook(*ROWS, clinical=ROWS), sheet="clinic")


def test_a_sheet_of_a_text_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TableError, match=r"a sheet is stated \('S'\) and the file is no workbook"):
        read_words(tmp_path / "t.csv", sheet="S")


def test_an_empty_workbook_is_refused_with_its_sheets(workbook):
    with pytest.raises(TableError, match=r"no sheet holds a table \(sheets: 'Sheet1', 'Sheet2'\)"):
        read_sheet(workbook(Sheet2=()))


def test_a_formula_stands_for_its_stored_value(workbook, edit):
    path = edit(workbook(*ROWS, ("P3", "=1+1")), "xl/worksheets/sheet1.xml", b"<v />", b"<v>2</v>")
    assert read_sheet(path)[-1] == ["P3", "2"]


def test_a_formula_whose_stored_value_is_an_empty_text_is_an_empty_cell(workbook, edit):
    path = workbook(*ROWS, ("P3", "=IF(1,,)", "x"))
    path = edit(path, "xl/worksheets/sheet1.xml", b'<c r="B4">', b'<c r="B4" t="str">')
    assert read_sheet(path)[-1] == ["P3", "", "x"]


def test_formulas_without_a_stored_value_are_named(workbook):
    with pytest.raises(TableError, match=r"sheet 'Sheet1': 2 formulas without a stored value \(B4, B5\); open the file"):
        read_clinical(workbook(*ROWS, ("P3", "=1+1"), ("P4", "=B2*2")))


def test_cells_with_errors_are_named_and_other_sheets_too(workbook):
    with pytest.raises(TableError, match=r"sheet 'Sheet1': 1 cells cannot be used \(B4 #REF!\).*other sheets: 'Notes'"):
        read_sheet(workbook(*ROWS, ("P3", "#REF!"), Notes=()))


def test_links_to_other_files_are_not_followed(workbook, edit, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    path = workbook(*ROWS)
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{(tmp_path / "secret.txt").as_uri()}">]>'.encode()
    edit(path, "xl/worksheets/sheet1.xml", b"<worksheet", entity + b"<worksheet")
    edit(path, "xl/worksheets/sheet1.xml", b"<v>50</v>", b"<v>&e;</v>")
    with pytest.raises(TableError, match="cannot be read"):
        read_sheet(path)


def test_entities_that_multiply_are_refused(workbook, edit):
    path = workbook(*ROWS)
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(10))
    edit(path, "xl/worksheets/sheet1.xml", b"<worksheet", f"<!DOCTYPE x [{levels}]><worksheet".encode())
    edit(path, "xl/worksheets/sheet1.xml", b"<v>50</v>", b"<v>&e9;</v>")
    with pytest.raises(TableError, match="cannot be read"):
        read_sheet(path)


def test_a_bomb_is_refused_before_it_is_unpacked(workbook, monkeypatch):
    path = workbook(*ROWS)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/x.bin", bytes(3 << 20))
    monkeypatch.setattr("cartopath.cohort.spreadsheet.MAX_UNPACKED", 2 << 20)
    with pytest.raises(TableError, match=r"a workbook of 3 MB when unpacked \(the limit is 2 MB\)"):
        read_sheet(path)


def test_a_row_number_beyond_the_last_row_of_excel_is_refused(workbook, edit):
    path = edit(workbook(*ROWS), "xl/worksheets/sheet1.xml", b'<row r="3"', b'<row r="99999999999"')
    with pytest.raises(TableError, match=r"more than 1,048,576 rows"):
        read_sheet(path)


def test_a_sheet_of_too_many_cells_is_refused(workbook, monkeypatch):
    monkeypatch.setattr("cartopath.cohort.spreadsheet.MAX_CELLS", 5)
    with pytest.raises(TableError, match="more than 1,048,576 rows or 5 cells; save it as CSV"):
        read_sheet(workbook(*ROWS))


def test_an_old_workbook_says_what_to_do(tmp_path):
    with pytest.raises(TableError, match=r"an old Excel file \(\.xls\); open it and save it as \.xlsx"):
        read_words(ole(tmp_path / "t.xls", stream="Workbook"))


def test_a_password_is_named(tmp_path):
    with pytest.raises(TableError, match="a workbook with a password"):
        read_words(ole(tmp_path / "t.xlsx", stream="EncryptedPackage"))


def test_members_with_a_password_are_refused(workbook):
    path = workbook(*ROWS)
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02")
    content[place + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(TableError, match="a workbook with a password"):
        read_sheet(path)


def test_a_binary_workbook_says_what_to_do(workbook):
    path = workbook(*ROWS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/workbook.bin", b"x")
    with pytest.raises(TableError, match=r"a binary workbook \(\.xlsb\)"):
        read_sheet(path)


def test_an_opendocument_spreadsheet_says_what_to_do(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<x/>")
    with pytest.raises(TableError, match="an OpenDocument spreadsheet; save it as"):
        read_words(tmp_path / "t.ods")


@pytest.mark.parametrize("member", ["xl/workbook.xml", "xl/worksheets/sheet1.xml"])
def test_a_damaged_member_is_an_error_with_the_way_out(workbook, edit, member):
    with pytest.raises(TableError, match=r"a workbook that cannot be read .*save it again as \.xlsx"):
        read_sheet(edit(workbook(*ROWS), member, b"<", b"<<"))


@pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="open files are counted in /proc")
def test_nothing_stays_open(workbook, edit):
    path = workbook(*ROWS)
    broken = edit(workbook(*ROWS, name="broken.xlsx"), "xl/worksheets/sheet1.xml", b"<row", b"<<row")
    before = len(list(OPEN_FILES.iterdir()))
    read_sheet(path)
    with pytest.raises(TableError):
        read_sheet(broken)
    assert len(list(OPEN_FILES.iterdir())) == before


def test_the_head_of_a_workbook_has_few_rows(workbook):
    path = workbook(("patient_id", "age"), *((f"P{number}", number) for number in range(500)))
    head = read_head(path)
    assert head.sheet == "Sheet1" and head.header == ("patient_id", "age") and len(head.rows) == 40
    assert read_words(path)[0] == head


def test_comment_rows_of_a_sheet_are_comments(workbook):
    rows = (("#Patient Identifier",), ("#x",), ("#STRING",), ("#1",), ("PATIENT_ID", "OS_MONTHS"), ("P1", 3))
    clinical = read_clinical(workbook(*rows))
    assert (clinical.format, clinical.patients) == ("cbioportal-study", ("P1",))


def test_a_title_above_and_notes_below_a_supplementary_table_are_no_rows(workbook):
    rows = [(f"TCGA-AA-000{number}", number, "x") for number in range(9)]
    notes = (("Abbreviations: OS, overall survival",), (None,), ("Source: registry",))
    path = workbook(("Table S1. Patients",), (None,), ("patient", "age", "group"), *rows, (None,), *notes)
    head, _ = read_words(path)
    assert head.comments == ("Table S1. Patients",)
    clinical = read_clinical(path)
    assert clinical.patients == tuple(row[0] for row in rows) and clinical.table["age"].tolist() == list(range(9))


def test_a_patient_of_whom_nothing_is_known_is_no_note(workbook):
    rows = [*((f"TCGA-AA-000{number}", 1, 2) for number in range(9)), ("TCGA-AA-0009", None, None), ("OUTSIDER", None, None)]
    assert read_clinical(workbook(("patient", "age", "size"), *rows)).patients[:2] == ("OUTSIDER", "TCGA-AA-0000")


def test_a_table_without_patients_names_the_sheet_and_the_others(workbook):
    message = r"sheet 'Sheet1' \(other sheets: 'clinical'\): no column names the patients; call one patient_id"
    with pytest.raises(TableError, match=message):
        read_clinical(workbook(("term", "meaning"), ("age", "in years"), clinical=ROWS))


def test_slide_tables_and_manifests_are_read_from_workbooks(workbook, tmp_path):
    slides = workbook(("slide_id", "patient_id", "mpp"), ("s1", "P1", 0.25), name="slides.xlsx")
    assert read_slides(tmp_path, slides)["mpp"].tolist() == [0.25]
    manifest = workbook(
        ("id", "filename", "md5", "size", "state"), ("u", "TCGA-AA-0001-01Z-00-DX1.u.svs", "m", 12, "live"), name="m.xlsx"
    )
    assert read_manifest(manifest)["patient_id"].tolist() == ["TCGA-AA-0001"]
