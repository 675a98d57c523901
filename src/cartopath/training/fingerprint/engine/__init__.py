"""Everything of fingerprint training that imports Lightning; entered through `train_fingerprint`."""

import cartopath.training.engine  # noqa: F401 - makes torchvision importable and Lightning quiet
