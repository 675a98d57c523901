"""What Levy-Jurgenson et al. 2020 report for their two cohorts, beside what a study finds on the same cohort.

Only cells that are known are filled (METHODS 1.9); the rest of the paper's Table 1 was not available.
"""

from __future__ import annotations

from importlib.resources import files
from io import StringIO

import pandas as pd


def published_results(cohort: str) -> pd.DataFrame:
    """Return the published rows of a cohort: trait, n_test, auroc_rounds_mean, auroc_ensemble, spearman, source."""
    text = files("cartopath.study.stages").joinpath("levy_jurgenson_2020.csv").read_text(encoding="utf-8")
    table = pd.read_csv(StringIO(text))
    return table[table["cohort"] == cohort].reset_index(drop=True)


def published_beside(cohort: str, metrics: pd.DataFrame, correlations: pd.DataFrame) -> pd.DataFrame:
    """Return the published rows of a cohort with this study's results for the same traits beside them.

    Args:
        cohort: `TCGA-BRCA` or `TCGA-LUAD`.
        metrics: The study's table of that name.
        correlations: The study's table of that name.
    """
    ours = metrics[(metrics["set"] == "test") & (metrics["level"] == "slide") & (metrics["metric"] == "auroc")]
    mean = ours[ours["model"] == "rounds_mean"].set_index("trait")
    ensemble = ours[ours["model"] == "ensemble"].set_index("trait")
    chosen = (correlations["set"] == "test") & (correlations["against"] == "decile") & (correlations["kind"] == "spearman")
    spearman = correlations[chosen].set_index("trait")["r"]
    table = published_results(cohort)
    symbols = table["trait"].str.split("|").str[0]
    table["ours_auroc_rounds_mean"] = symbols.map(mean["value"])
    table["ours_auroc_ensemble"] = symbols.map(ensemble["value"])
    table["ours_low"] = symbols.map(ensemble["low"])
    table["ours_high"] = symbols.map(ensemble["high"])
    table["ours_n_test"] = symbols.map(ensemble["n"])
    table["ours_spearman"] = symbols.map(spearman)
    return table
