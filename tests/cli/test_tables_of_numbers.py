"""Tables of numbers fit into a terminal of 80 columns: none of their cells wraps."""

import pytest

from cartopath.cli import console as module
from cartopath.cli.console import print_numbers


def printed(columns, rows, **options):
    with module.console.capture() as captured:
        print_numbers(columns, rows, **options)
    return captured.get().rstrip().splitlines()


def test_a_table_that_fits_is_one_table():
    lines = printed(["", "median r", "q"], [["ridge", "0.123", "0.01"]], title="genes")
    assert lines[0].strip() == "genes"
    assert len(lines) == 4
    assert "0.123" in lines[3] and "0.01" in lines[3]


def test_columns_without_room_follow_below_with_the_names_of_the_rows():
    sections = [f"section-{number:02d}" for number in range(12)]
    lines = printed(["way", "median r", *sections], [["map", "0.111", *(f"0.{n:03d}" for n in range(12))], ["null", *["0"] * 13]])
    assert max(map(len, lines)) <= 80
    assert sum(line.strip().startswith("map") for line in lines) == sum(line.strip().startswith("null") for line in lines) == 3
    for number in range(12):
        assert any(f"section-{number:02d}" in line for line in lines)
        assert any(f"0.{number:03d}" in line for line in lines)


@pytest.mark.parametrize("length", [30, 200])
def test_long_names_leave_room_for_numbers(length):
    lines = printed(["slide", "MKI67", "score"], [["s" * length, "0.123", "0.456"]])
    assert max(map(len, lines)) <= 80
    assert any("0.123" in line and "0.456" in line for line in lines)
