"""Molecular maps from H&E whole-slide images and one bulk measurement per patient."""
