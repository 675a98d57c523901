"""Attention regression (Graziani et al. 2022): heads on frozen features that give every tile a value and a weight."""
