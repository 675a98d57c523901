"""From a path to a source of features: what a table is stored in decides which reader takes it."""

from __future__ import annotations

from pathlib import Path

from cartopath.cohort.delimited import TextHead, read_head, read_words
from cartopath.cohort.gene_names import GeneNames
from cartopath.cohort.matrices import h5ad
from cartopath.cohort.matrices.gdc_files import GdcFormat, refuse_single
from cartopath.cohort.matrices.gdc_folder import GdcFolder
from cartopath.cohort.matrices.h5ad import H5adTable, is_hdf5
from cartopath.cohort.matrices.laid_out import LaidOutMatrix, Matrix
from cartopath.cohort.matrices.layout import MatrixFormat, MatrixHead, MatrixLayout
from cartopath.cohort.matrices.parquet_matrix import ParquetMatrix, is_parquet
from cartopath.cohort.matrices.registry import matrix_format, recognise_matrix
from cartopath.cohort.matrices.source import FeatureSource
from cartopath.cohort.matrices.text_matrix import SheetMatrix, TextMatrix
from cartopath.cohort.sample_sheet import SampleSheet
from cartopath.cohort.spreadsheet import is_workbook
from cartopath.core.errors import TableError


def open_source(
    path: Path, *, format: str | None, column: str | None, sheet: SampleSheet, names: GeneNames
) -> tuple[str, FeatureSource]:
    """Open a table; return the name of its format and what it holds.

    Raises:
        TableError: It is no table, its format is neither stated nor recognised, or it is not of the format stated.
    """
    stated = None if format is None else matrix_format(format)
    if path.is_dir():
        if stated is not None and not isinstance(stated, GdcFormat):
            raise TableError(f"{path}: a folder, and {stated.name} is the format of a file; give the file")
        folder = GdcFolder(path, format_=stated, column=column, sheet=sheet, names=names)
        return folder.format.name, folder
    if isinstance(stated, GdcFormat):
        raise TableError(f"{path}: {stated.name} is the format of a folder of files with one sample each; give the folder")
    if is_hdf5(path):
        if stated not in (None, h5ad.FORMAT):
            raise TableError(f"{path}: an HDF5 file, and the format stated is {format}; state h5ad or nothing")
        return h5ad.FORMAT.name, H5adTable(path, column)
    if stated is h5ad.FORMAT:
        raise TableError(f"{path}: no HDF5 file, and the format stated is h5ad; the file may be cut short, fetch it again")
    return _open_file(path, stated if isinstance(stated, MatrixFormat) else None, column)


def _open_file(path: Path, stated: MatrixFormat | None, column: str | None) -> tuple[str, FeatureSource]:
    matrix: Matrix
    if is_parquet(path):
        stored = ParquetMatrix(path)
        head, matrix = stored.head(), stored
    else:
        refuse_single(path)
        text, matrix = _words(path)
        head = MatrixHead(path, text.header, text.rows, text)
    if not head.rows:
        raise TableError(f"{path}: a header and no rows; the table is empty")
    chosen = recognise_matrix(head) if stated is None else stated
    return chosen.name, LaidOutMatrix(head, _layout(chosen, head, column), matrix)


def _words(path: Path) -> tuple[TextHead, TextMatrix]:
    if is_workbook(path):
        text, cells = read_words(path)
        return text, SheetMatrix(text, cells)
    text = read_head(path)
    return text, TextMatrix(text)


def _layout(format_: MatrixFormat, head: MatrixHead, column: str | None) -> MatrixLayout:
    if column is None:
        return format_.layout(head)
    if format_.layout_of is None:
        raise TableError(f"{head.path}: {format_.name} has one number for a gene and a sample; leave column ({column!r}) out")
    return format_.layout_of(head, column)
