"""Methods on the same splits (Rawat et al. 2020, three arms; F53): the same patients judged by several studies, in one table."""

from cartopath.methods.comparison.compare import Comparison, compare_studies

__all__ = ["Comparison", "compare_studies"]
