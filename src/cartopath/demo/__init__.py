"""The demonstration: a simulated cohort goes the way of a real one, and what comes out is held against what was planted."""
