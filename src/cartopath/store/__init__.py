"""The only layer that writes files: a final name is absent or complete, whatever is killed when.

`atomic` replaces files safely, `hashing` names contents, `artifacts` puts a header on every table and array of a study,
`weights` keeps networks as safetensors. Nothing here can run code when it reads.
"""
