import numpy as np
import pytest

from cartopath.core.errors import ConfigError
from cartopath.core.rng import stream
from cartopath.simulate.fields import blend, draw_field

LENGTH = 100.0


def _many(n: int, *names: str):
    return [draw_field(stream(0, "test field", *names, i), LENGTH) for i in range(n)]


def test_values_have_mean_0_and_variance_1():
    axis = np.arange(40) * 5 * LENGTH
    values = np.stack([field.on_grid(axis, axis) for field in _many(20)])

    assert abs(values.mean()) < 0.02
    assert values.std() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("distance", [0.5, 1.0, 2.0])
def test_the_correlation_falls_off_as_the_squared_exponential(distance):
    origin = np.arange(200) * 7 * LENGTH
    pairs = [(field.at(origin, origin), field.at(origin + distance * LENGTH, origin)) for field in _many(60)]

    first, second = (np.concatenate(part) for part in zip(*pairs, strict=True))

    assert np.mean(first * second) == pytest.approx(np.exp(-(distance**2) / 2), abs=0.05)


def test_a_grid_holds_the_values_at_its_points():
    field = draw_field(stream(0, "grid"), LENGTH)
    x, y = np.array([0.0, 130.0, 4000.0]), np.array([17.0, 2500.0])

    expected = field.at(*np.meshgrid(x, y))

    np.testing.assert_allclose(field.on_grid(x, y), expected, atol=1e-4)


def test_a_part_of_a_grid_is_the_grid_of_the_part():
    field = draw_field(stream(0, "part"), LENGTH)
    x = np.arange(500) * 3.0

    np.testing.assert_allclose(field.on_grid(x, x)[100:140, 300:], field.on_grid(x[300:], x[100:140]), atol=1e-6)


@pytest.mark.parametrize("correlation", [-1.0, -0.4, 0.0, 0.7, 1.0])
def test_blended_fields_have_the_wanted_correlation_and_variance(correlation):
    axis = np.arange(30) * 5 * LENGTH
    bases, owns = _many(30, "base"), _many(30, "own")

    base = np.concatenate([field.on_grid(axis, axis).ravel() for field in bases])
    mixed = np.concatenate([blend(b, o, correlation).on_grid(axis, axis).ravel() for b, o in zip(bases, owns, strict=True)])

    assert np.corrcoef(base, mixed)[0, 1] == pytest.approx(correlation, abs=0.05)
    assert mixed.std() == pytest.approx(1.0, abs=0.05)


def test_a_correlation_beyond_one_is_refused():
    field = draw_field(stream(0, "x"), LENGTH)

    with pytest.raises(ConfigError, match=r"-1\.\.1, found 1\.5"):
        blend(field, field, 1.5)


def test_a_length_of_zero_is_refused():
    with pytest.raises(ConfigError, match="must be positive, found 0"):
        draw_field(stream(0, "x"), 0.0)
