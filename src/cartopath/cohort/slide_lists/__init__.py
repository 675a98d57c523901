"""Which slides there are: folders, tables of every tool, GDC manifests and sample sheets, and where their files lie."""
