"""The tiles that train are the same for every arm."""

import dataclasses

import pandas as pd
import pytest

from cartopath.methods.encoding.sample import sampled_rows
from cartopath.study.run import Study


@pytest.fixture(scope="module")
def study(fingerprints_study):
    return Study.read(fingerprints_study)


def changed(study, **method):
    return dataclasses.replace(
        study, config=study.config.model_copy(update={"method": study.config.method.model_copy(update=method)})
    )


def test_every_patient_has_as_many_as_asked_for_or_all(study, fingerprints_study):
    rows = sampled_rows(study)
    assert len(rows) == 24
    for slide_id, own in rows.items():
        n = len(pd.read_parquet(fingerprints_study / "tiles" / f"{slide_id}.parquet"))
        assert own == sorted(set(own))
        assert len(own) == min(12, n)
        assert own[-1] < n


def test_encoder_and_heads_change_nothing_about_them(study):
    assert sampled_rows(changed(study, encoder="none", backbone="resnet18", ensemble=2)) == sampled_rows(study)


def test_without_a_number_all_tiles_train(study, fingerprints_study):
    for slide_id, own in sampled_rows(changed(study, tiles_per_patient=None)).items():
        assert own == list(range(len(pd.read_parquet(fingerprints_study / "tiles" / f"{slide_id}.parquet"))))


def test_another_seed_draws_others(study):
    other = dataclasses.replace(study, config=study.config.model_copy(update={"seed": 1}))
    assert sampled_rows(other) != sampled_rows(study)


def test_a_patients_tiles_are_drawn_from_all_slides_of_the_patient(study, monkeypatch):
    from cartopath.methods.encoding import sample

    records = sample.tiled_records(study)[:3]
    together = [dataclasses.replace(record, patient_id="one") for record in records]
    monkeypatch.setattr(sample, "tiled_records", lambda study: together)
    rows = sampled_rows(study)
    assert sum(map(len, rows.values())) == 12
    assert len(rows) > 1
