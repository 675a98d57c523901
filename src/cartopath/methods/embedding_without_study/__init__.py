"""Features of the tiles of slides by any frozen encoder, without a study: a file per slide, laid out as TRIDENT's."""
