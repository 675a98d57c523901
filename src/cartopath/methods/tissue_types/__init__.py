"""Types of tissue: a model of background, epithelium, stroma and fat, learned from annotated slides (Rawat et al. 2020; F56)."""
