"""Networks with published weights as encoders: the features of a timm model as they are, without a layer behind them."""

from __future__ import annotations

from dataclasses import replace

from cartopath.core.errors import ConfigError
from cartopath.models.fingerprint import FingerprintNetwork, FingerprintSpec, build_fingerprint_network


def full_spec(spec: FingerprintSpec) -> FingerprintSpec:
    """Return the spec with as many features as the backbone gives, so that none is mixed at random.

    Raises:
        ConfigError: timm has no such network, or cannot build it for these tiles.
    """
    asked = replace(spec, pretrained=False, n_features=1)
    projection = build_fingerprint_network(asked, n_pieces=2).projection
    return replace(spec, n_features=int(getattr(projection, "in_features", 1)))


def published_network(spec: FingerprintSpec) -> tuple[FingerprintSpec, FingerprintNetwork]:
    """Return a network with timm's published weights, which are downloaded, and what it is.

    Raises:
        ConfigError: timm has no such network, or its weights cannot be had.
    """
    spec = full_spec(spec)
    try:
        return spec, build_fingerprint_network(spec, n_pieces=2)
    except OSError as error:  # What is raised where there is no way to the weights.
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"method.encoder: the weights of {spec.backbone} cannot be fetched ({reason}); fetch them once where there is a "
            "network, into the cache that HF_HOME names"
        ) from error
