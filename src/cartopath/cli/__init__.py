"""The command line: thin commands over the layers below. `--help` answers without importing any of them."""
