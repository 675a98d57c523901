"""Figures of the report: each function takes a table and returns a finished SVG. `style` holds everything they share."""
