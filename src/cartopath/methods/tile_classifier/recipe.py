"""The recipe of molecular cartography: the stages in their order."""

from __future__ import annotations

from cartopath.methods.ensemble import plan_ensembles
from cartopath.methods.rounds import plan_nothing_unlearnable
from cartopath.methods.tile_classifier.prediction import plan_prediction
from cartopath.methods.tile_classifier.training import plan_training
from cartopath.study.run import Stage
from cartopath.study.stages.bookkeeping import plan_bookkeeping
from cartopath.study.stages.cohort import plan_cohort
from cartopath.study.stages.divide import plan_labels, plan_splits
from cartopath.study.stages.evaluation import plan_evaluation
from cartopath.study.stages.heterogeneity import plan_heterogeneity
from cartopath.study.stages.mapping import plan_mapping
from cartopath.study.stages.quality import plan_quality
from cartopath.study.stages.survival import plan_survival
from cartopath.study.stages.tiling import plan_cache, plan_tiling

STAGES = (
    Stage("cohort", plan_cohort, "read slides, molecular table and clinical table"),
    Stage("quality", plan_quality, "open every slide and look at its quality"),
    Stage("splits", plan_splits, "divide patients once, for all traits"),
    Stage("labels", plan_labels, "draw each trait's classes"),
    Stage("tiles", plan_tiling, "cut slides into tiles"),
    Stage("learnable", plan_nothing_unlearnable, "end here where a set has no patient of a class"),
    Stage("cache", plan_cache, "decode tiles once, as far as the space allows"),
    Stage("train", plan_training, "train one network per trait and round"),
    Stage("ensemble", plan_ensembles, "choose the rounds that vote, by validation"),
    Stage("predict", plan_prediction, "score every tile of every slide"),
    Stage("bookkeeping", plan_bookkeeping, "account for slides, classes, sets and training"),
    Stage("evaluate", plan_evaluation, "measure how well each trait is seen"),
    Stage("maps", plan_mapping, "draw cartographies and heterogeneity maps"),
    Stage("heterogeneity", plan_heterogeneity, "measure HTI"),
    Stage("survival", plan_survival, "compare survival by HTI and by bulk expression"),
)
