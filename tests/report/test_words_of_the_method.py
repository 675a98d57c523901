"""The report speaks of a method's own steps, rounds and votes."""

import pandas as pd
import pytest

from cartopath.report.blocks import Figure, Grid, Paragraph
from cartopath.report.results import read_results
from cartopath.report.sections.labels import labels_section
from cartopath.report.sections.performance import performance_section
from cartopath.report.sections.scores import scores_section
from cartopath.report.sections.training import training_section


@pytest.fixture
def said(study):
    """Everything in words of the sections on training and performance, for a study file with some lines more."""

    def said_(more: str) -> str:
        lock = study / "study.lock.yaml"
        lock.write_text(lock.read_text(encoding="utf-8") + more, encoding="utf-8")
        results = read_results(study)
        sections = (labels_section(results), training_section(results), performance_section(results), scores_section(results))
        return " ".join(_words([block for section in sections for block in section.blocks]))

    return said_


def _words(blocks):
    for block in blocks:
        if isinstance(block, Paragraph):
            yield block.text
        elif isinstance(block, Figure):
            yield from (block.picture.alt, block.caption)
        elif isinstance(block, Grid):
            yield from (block.caption, *block.notes, *(column.title for column in block.columns))


TILES = "method: {name: tile_classifier}\ntraining: {validations_per_epoch: 16}\n"
HEADS = "method: {name: fingerprints, encoder: own}\ntraining: {validations_per_epoch: 16}\n"
DIRECT = "method: {name: fingerprints, encoder: none}\ntraining: {validations_per_epoch: 4}\n"
FOLDS = "splits: {scheme: folds}\n"


def test_tile_classifiers_vote_after_parts_of_a_pass(said):
    text = said(TILES)
    assert "Tiles inherit the label of their patient." in text
    assert "One validation interval is one 16th of a pass over the training tiles." in text
    assert "the share of tiles that most of the rounds that were best in validation call positive" in text
    assert "Share of positive tiles per slide (ensemble)" in text
    assert "tile AUROC" in text and "laid out as Table 1 of Levy-Jurgenson" in text


def test_heads_average_after_epochs_over_patients(said):
    text = said(HEADS)
    assert "The label is of all tiles of a patient together." in text
    assert "In an epoch every training patient is shown once." in text
    assert "the mean score of the slide's tiles, averaged over the rounds that were best in validation" in text
    assert "patient AUROC" in text and "Mean score of the tiles of a slide (ensemble)" in text
    for other in ("of a pass", "call positive", "positive tiles", "tile AUROC", "interval "):
        assert other not in text.replace("confidence interval", "").replace("intervals are 95", "")


def test_a_backbone_that_learns_by_itself_has_the_steps_of_tiles_and_the_mean_of_fingerprints(said):
    text = said(DIRECT)
    assert "one quarter of a pass over the training tiles (one 16th in Levy-Jurgenson et al. 2020)" in text
    assert "the mean score of the slide's tiles" in text


def test_folds_are_no_rounds(said):
    text = said(HEADS + FOLDS)
    assert "Folds of cross-validation" in text and "by the fold that has not seen the patient" in text
    assert "Rounds of resampling" not in text and "the best make the ensemble" not in text


def test_steps_are_counted_from_one(said, study):
    curves = pd.read_csv(study / "tables" / "learning_curves.csv")
    best = curves[curves["is_best"] & (curves["trait"] == "MKI67")].iloc[0]
    assert f"round {best['round']} at validation interval {best['chunk'] + 1:.0f}," in said(TILES)


VALUES = "method: {name: attention, encoder: own, target: auto, ensemble: null}\n"
BEST_VALUES = VALUES.replace("null", "2")


def test_where_values_are_learned_everybody_measured_teaches_and_classes_only_judge(said):
    text = said(VALUES)
    assert "every measured training patient teaches, whatever its class. Classes only judge" in text
    assert "never used for training" not in text


def test_of_a_trait_without_thresholds_classes_are_learned_beside_values(said, study):
    labels = pd.read_csv(study / "tables" / "labels.csv")
    labels.loc[labels["trait"] == "MKI67", ["low_threshold", "high_threshold"]] = None
    labels.to_csv(study / "tables" / "labels.csv", index=False)
    text = said(BEST_VALUES)
    assert "never used for training" in text and "Of hsa-miR-17-5p values are learned" in text
    assert "Ranks are by validation AUROC only (hsa-miR-17-5p, learned by value: by validation loss)" in text


@pytest.mark.parametrize(
    ("more", "rule", "whose", "has_ranks"),
    [
        (VALUES, "All rounds count: none is chosen.", "averaged over all rounds", False),
        (BEST_VALUES, "Ranks are by validation loss only;", "averaged over the rounds with the lowest validation loss", True),
        (VALUES + FOLDS, "None is chosen: every patient is judged by the fold", "by the fold that has not seen", False),
    ],
)
def test_values_have_ranks_where_some_rounds_are_chosen(said, study, more, rule, whose, has_ranks):
    for name in ("rounds", "learning_curves"):
        table = pd.read_csv(study / "tables" / f"{name}.csv")
        table.assign(val_slide_auroc=None, val_tile_auroc=None).to_csv(study / "tables" / f"{name}.csv", index=False)
    text = said(more)
    assert rule in text and whose in text and "best in validation" not in text
    assert (" rank " in text) == has_ranks
    assert "patient AUROC" not in text


def test_a_table_of_rounds_has_a_cell_for_every_column(said, study):
    said(VALUES)
    grid = training_section(read_results(study)).blocks[0]
    assert {len(row) for row in grid.rows} == {len(grid.columns)}
