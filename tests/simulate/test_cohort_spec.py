import pytest

from cartopath.core.errors import ConfigError
from cartopath.simulate import CohortSpec, simulate_cohort


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_patients": 0}, "The 'n_patients' parameter of CohortSpec must be 1 to 40000. Got 0 instead."),
        ({"traits": ()}, r"'traits' .* 1 to 4 names"),
        ({"traits": ("A", "B", "C", "D", "E")}, r"'traits' .* 1 to 4 names"),
        ({"traits": ("A", "A")}, r"'traits' .* all different"),
        ({"traits": ("row",)}, r"'traits' .* other than col, row and tissue"),
        ({"traits": ("MKI67|4288",)}, r"'traits' .* free of"),
        ({"slide_um": (0.0, 100.0)}, r"'slide_um' .* positive"),
        ({"slide_um": (60.0, 500.0)}, r"'slide_um' .* at least one tile of 64 um"),
        ({"site_mpp": ()}, "'site_mpp'"),
        ({"site_mpp": (0.5, 50.0)}, r"'site_mpp' .* 0\.1 to 4"),
        ({"tile_mpp": 0.0}, "'tile_mpp'"),
        ({"correlation_um": -1.0}, "'correlation_um'"),
        ({"expression_noise": -0.1}, "'expression_noise'"),
        ({"effect": float("nan")}, "'effect'"),
        ({"median_months": 0.0}, "'median_months'"),
        ({"stain_variation": -1.0}, "'stain_variation'"),
        ({"seed": -1}, "'seed'"),
    ],
)
def test_an_impossible_value_is_named(values, message):
    with pytest.raises(ConfigError, match=message):
        CohortSpec(**values)


def test_no_workers_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="workers must be at least 1, found 0"):
        simulate_cohort(CohortSpec(n_patients=1), tmp_path, workers=0)


def test_small_cohorts_have_no_irregular_patients():
    assert not CohortSpec(n_patients=11).has_irregularities
    assert CohortSpec(n_patients=12).has_irregularities
    assert not CohortSpec(n_patients=12, irregular=False).has_irregularities
