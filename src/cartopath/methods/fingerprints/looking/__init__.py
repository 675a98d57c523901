"""Looking at fingerprints: the matching game, identity maps, receptor maps, and what patients' scores are worth."""

from cartopath.methods.fingerprints.looking.identity import plan_identity_maps
from cartopath.methods.fingerprints.looking.matching import plan_matching
from cartopath.methods.fingerprints.looking.receptors import plan_receptor_maps

__all__ = ["plan_identity_maps", "plan_matching", "plan_receptor_maps"]
