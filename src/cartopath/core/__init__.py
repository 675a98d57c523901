"""The bottom layer: geometry with units, errors, random streams."""
