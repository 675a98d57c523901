"""External validation (Rawat et al. 2020; F54): frozen models of a study on a second cohort, on which nothing is fitted."""

from cartopath.methods.external.validate import External, validate_externally

__all__ = ["External", "validate_externally"]
