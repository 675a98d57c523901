"""`cartopath style`: stain styles fitted, applied, learned and judged, without a study."""
