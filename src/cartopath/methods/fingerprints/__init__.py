"""Tissue fingerprints (Rawat et al. 2020): an encoder trained without labels, and a small head per trait and round."""
