"""Formats of molecular tables, one module per family: `registry` lists them, `layout` says what a format must tell.

`text_matrix` and `parquet_matrix` fetch rows and columns from disk, whatever the format.
"""

from cartopath.cohort.matrices.registry import MATRIX_FORMATS, matrix_format, recognise_matrix

__all__ = ["MATRIX_FORMATS", "matrix_format", "recognise_matrix"]
