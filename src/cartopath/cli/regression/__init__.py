"""`cartopath regress`: genes from anybody's features, without a study."""
