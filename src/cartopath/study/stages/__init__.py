"""The steps that every recipe shares: cohort, labels, tiles, evaluation, maps, heterogeneity and survival.

Each module has `plan_...` functions, which turn the state of a study into tasks, and the functions that those tasks run. What
a recipe adds, training and prediction, leaves its results in `scores/<method>/<trait>/<slide>.parquet`; all that follows reads
those.
"""
