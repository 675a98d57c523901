"""Molecular cartography (Levy-Jurgenson et al. 2020): a tile classifier per trait and round; the best rounds vote."""
