"""`cartopath fingerprint`: training, matching and finding without a study and without labels."""
