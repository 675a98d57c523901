"""Looking at a whole cohort before hours are spent: every slide opened and judged, every table joined, every problem named."""

from cartopath.study.check.cohort import Checked, check_cohort

__all__ = ["Checked", "check_cohort"]
