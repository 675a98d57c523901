"""Encoders and the features of tiles, for every method that learns from features rather than from pixels."""
