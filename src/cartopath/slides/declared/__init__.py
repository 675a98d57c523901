"""What a slide file declares about its sizes, checked before any library allocates memory for it; nothing is decoded."""
