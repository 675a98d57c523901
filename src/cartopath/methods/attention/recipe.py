"""The recipe of attention regression: the stages in their order."""

from __future__ import annotations

from cartopath.methods.attention.fitting import plan_fitting
from cartopath.methods.attention.gallery import plan_gallery
from cartopath.methods.attention.hotspots import plan_hotspots
from cartopath.methods.attention.maps import plan_attention_maps
from cartopath.methods.attention.prediction import plan_prediction
from cartopath.methods.attention.regression import plan_regression
from cartopath.methods.attention.training import plan_training
from cartopath.methods.encoding.embedding import plan_embedding
from cartopath.methods.encoding.learning import plan_learning
from cartopath.methods.encoding.pretraining import plan_pretraining
from cartopath.methods.ensemble import plan_ensembles
from cartopath.study.run import Stage
from cartopath.study.stages.bookkeeping import plan_bookkeeping
from cartopath.study.stages.cohort import plan_cohort
from cartopath.study.stages.divide import plan_labels, plan_splits
from cartopath.study.stages.evaluation import plan_evaluation
from cartopath.study.stages.heterogeneity import plan_heterogeneity
from cartopath.study.stages.mapping import plan_mapping
from cartopath.study.stages.quality import plan_quality
from cartopath.study.stages.survival import plan_survival
from cartopath.study.stages.tiling import plan_tiling

STAGES = (
    Stage("cohort", plan_cohort, "read slides, molecular table and clinical table"),
    Stage("quality", plan_quality, "open every slide and look at its quality"),
    Stage("splits", plan_splits, "divide patients once, for all traits"),
    Stage("labels", plan_labels, "draw each trait's classes"),
    Stage("tiles", plan_tiling, "cut slides into tiles"),
    Stage("pretrain", plan_pretraining, "train the encoders without labels, or fetch them"),
    Stage("embed", plan_embedding, "turn every tile into its features"),
    Stage("fit", plan_fitting, "train the heads of all traits and rounds together"),
    Stage("train", plan_training, "sort heads by trait and round"),
    Stage("ensemble", plan_ensembles, "choose the rounds that count, by validation"),
    Stage("predict", plan_prediction, "score and weigh every tile of every slide"),
    Stage("bookkeeping", plan_bookkeeping, "account for slides, classes, sets and training"),
    Stage("learning", plan_learning, "account for the training of encoders"),
    Stage("evaluate", plan_evaluation, "measure how well each trait is seen"),
    Stage("maps", plan_mapping, "draw cartographies and heterogeneity maps"),
    Stage("heterogeneity", plan_heterogeneity, "measure HTI"),
    Stage("survival", plan_survival, "compare survival by HTI and by bulk expression"),
    Stage("regression", plan_regression, "hold predicted values against measured ones"),
    Stage("hotspots", plan_hotspots, "list the tiles that count most, and whether attention agrees with prediction"),
    Stage("gallery", plan_gallery, "show hotspots over the range of measured values"),
    Stage("attention_maps", plan_attention_maps, "draw values and weights of tiles"),
)
