"""`cartopath tissue`: models of background, epithelium, stroma and fat."""
