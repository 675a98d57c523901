"""The recipe of tissue fingerprints: the stages in their order."""

from __future__ import annotations

from cartopath.methods.encoding.embedding import plan_embedding
from cartopath.methods.encoding.learning import plan_learning
from cartopath.methods.encoding.pretraining import plan_pretraining
from cartopath.methods.encoding.sample import plan_sample_cache
from cartopath.methods.ensemble import plan_ensembles
from cartopath.methods.fingerprints.atlas import plan_atlas
from cartopath.methods.fingerprints.by_tissue import plan_by_tissue, plan_tissue_types
from cartopath.methods.fingerprints.looking import plan_identity_maps, plan_matching, plan_receptor_maps
from cartopath.methods.fingerprints.prediction import plan_prediction
from cartopath.methods.fingerprints.training import plan_training
from cartopath.methods.rounds import plan_nothing_unlearnable
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
    Stage("learnable", plan_nothing_unlearnable, "end here where a set has no patient of a class"),
    Stage("cache", plan_sample_cache, "decode the training tiles once, where they are read again and again"),
    Stage("pretrain", plan_pretraining, "train the encoders without labels, or fetch them"),
    Stage("embed", plan_embedding, "turn every tile into its fingerprint"),
    Stage("train", plan_training, "train one head per trait and round"),
    Stage("ensemble", plan_ensembles, "choose the rounds that vote, by validation"),
    Stage("predict", plan_prediction, "score every tile of every slide"),
    Stage("bookkeeping", plan_bookkeeping, "account for slides, classes, sets and training"),
    Stage("learning", plan_learning, "account for the training of encoders"),
    Stage("evaluate", plan_evaluation, "measure how well each trait is seen"),
    Stage("maps", plan_mapping, "draw cartographies and heterogeneity maps"),
    Stage("heterogeneity", plan_heterogeneity, "measure HTI"),
    Stage("survival", plan_survival, "compare survival by HTI and by bulk expression"),
    Stage("matching", plan_matching, "play the matching game, look for duplicates and swaps"),
    Stage("identity_maps", plan_identity_maps, "draw whom each place looks like"),
    Stage("tissue_types", plan_tissue_types, "type the tiles of test slides"),
    Stage("by_tissue", plan_by_tissue, "measure AUROC by type of tissue"),
    Stage("receptor_maps", plan_receptor_maps, "draw tile scores from -1 to 1, and right and wrong patients"),
    Stage("atlas", plan_atlas, "lay tiles out by their fingerprints"),
)
