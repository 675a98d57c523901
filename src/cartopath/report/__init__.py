"""The report of a study: one self-contained, inert HTML page drawn from the files of the study folder alone.

`results` reads the tables, `sections` turns them into blocks, `figures` draws, `page` puts everything into one file.
"""

from cartopath.report.page import write_report

__all__ = ["write_report"]
