"""Statistics of maps, scores and survival: heterogeneity, AUROC, correlation, log-rank, Cox.

Pure functions over arrays with an outside reference each; nothing here reads or writes files. Where something is undefined, the
result holds None and the reason. Importing this package is cheap: pandas, scipy and lifelines are imported by the functions that
need them.
"""

from cartopath.stats.abstention import Abstention, abstention, least_amount, proportion
from cartopath.stats.association import Correlation, correlation
from cartopath.stats.by_tissue import TissueAuroc, auroc_by_tissue
from cartopath.stats.calibration import Calibration, calibration
from cartopath.stats.combinations import combination_codes, combination_names, combinations
from cartopath.stats.contradicted_labels import ContradictedLabels, contradicted_labels
from cartopath.stats.copied_slides import CopiedPair, copied_slides
from cartopath.stats.cox import CoxResult, cox
from cartopath.stats.discrimination import RocCurve, accuracy, auroc, auroc_ci, roc_curve
from cartopath.stats.ensemble import majority_vote, percent_positive, rank_rounds
from cartopath.stats.estimate import Estimate
from cartopath.stats.follow_up import DAYS_PER_YEAR, FollowUp, censor_at
from cartopath.stats.gene_comparison import GeneComparison, compare_genes
from cartopath.stats.gene_metrics import GeneMetrics, gene_metrics
from cartopath.stats.gene_permutations import PermutedGenes, permuted_genes
from cartopath.stats.group_comparison import GroupTest, box_statistics, grouped, kruskal_wallis
from cartopath.stats.heterogeneity import Heterogeneity, heterogeneity, hti
from cartopath.stats.kaplan_meier import KaplanMeier, at_risk_table, kaplan_meier
from cartopath.stats.logrank import Logrank, logrank, pairwise_logrank
from cartopath.stats.look_alikes import LookAlikes, SuspiciousPair, same_patient_pairs, suspicious_pairs
from cartopath.stats.matching import (
    Matching,
    MatchingGame,
    Side,
    euclidean,
    matching_gain,
    matching_game,
    mean_by_patient,
    mean_features,
    standardised,
    unit_length,
)
from cartopath.stats.multiple_testing import benjamini_hochberg, holm
from cartopath.stats.paired import Compared, Judged, compare_aurocs, compare_correlations
from cartopath.stats.patient_level import PatientScores, patient_scores
from cartopath.stats.regional import RegionalHTI, regional_hti
from cartopath.stats.roc_band import RocBand, roc_band
from cartopath.stats.strata import age_groups, strata
from cartopath.stats.survival_groups import BULK_BASELINES, bulk_baselines, median_groups, survival_groups
from cartopath.stats.survival_set import SurvivalSet, survival_set

__all__ = [
    "BULK_BASELINES",
    "DAYS_PER_YEAR",
    "Abstention",
    "Calibration",
    "Compared",
    "ContradictedLabels",
    "CopiedPair",
    "Correlation",
    "CoxResult",
    "Estimate",
    "FollowUp",
    "GeneComparison",
    "GeneMetrics",
    "GroupTest",
    "Heterogeneity",
    "Judged",
    "KaplanMeier",
    "Logrank",
    "LookAlikes",
    "Matching",
    "MatchingGame",
    "PatientScores",
    "PermutedGenes",
    "RegionalHTI",
    "RocBand",
    "RocCurve",
    "Side",
    "SurvivalSet",
    "SuspiciousPair",
    "TissueAuroc",
    "abstention",
    "accuracy",
    "age_groups",
    "at_risk_table",
    "auroc",
    "auroc_by_tissue",
    "auroc_ci",
    "benjamini_hochberg",
    "box_statistics",
    "bulk_baselines",
    "calibration",
    "censor_at",
    "combination_codes",
    "combination_names",
    "combinations",
    "compare_aurocs",
    "compare_correlations",
    "compare_genes",
    "contradicted_labels",
    "copied_slides",
    "correlation",
    "cox",
    "euclidean",
    "gene_metrics",
    "grouped",
    "heterogeneity",
    "holm",
    "hti",
    "kaplan_meier",
    "kruskal_wallis",
    "least_amount",
    "logrank",
    "majority_vote",
    "matching_gain",
    "matching_game",
    "mean_by_patient",
    "mean_features",
    "median_groups",
    "pairwise_logrank",
    "patient_scores",
    "percent_positive",
    "permuted_genes",
    "proportion",
    "rank_rounds",
    "regional_hti",
    "roc_band",
    "roc_curve",
    "same_patient_pairs",
    "standardised",
    "strata",
    "survival_groups",
    "survival_set",
    "suspicious_pairs",
    "unit_length",
]
