"""Decoders of slide files, behind one protocol: OpenSlide, TIFF through tifffile and imagecodecs, plain pictures.

`opening.open_backend` chooses by content; the rest of `slides` knows only `protocol.Backend`.
"""
