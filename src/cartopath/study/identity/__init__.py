"""Do the tables speak of the same patients? What must hold when a join is right, against what holds."""

from cartopath.study.identity.agreement import MIN_PER_CLASS, Agreement, agreements, marker_genes
from cartopath.study.identity.findings import identity_findings
from cartopath.study.identity.matching import ProfileMatch, match_profiles

__all__ = ["MIN_PER_CLASS", "Agreement", "ProfileMatch", "agreements", "identity_findings", "marker_genes", "match_profiles"]
