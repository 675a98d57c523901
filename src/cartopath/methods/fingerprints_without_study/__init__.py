"""Fingerprints without a study and without labels: gathering pieces of tissue, training, matching, finding similar regions."""
