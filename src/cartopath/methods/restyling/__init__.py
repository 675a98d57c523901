"""Restyling without a study: pictures and slides of one stain or scanner in the style of another."""
