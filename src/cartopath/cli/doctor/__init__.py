"""`cartopath doctor`: what works on this machine, and what to do about the rest.

Nothing here imports a library before the check that asks for it, nor a layer that does: what is missing must be a finding.
That is why this package stands apart from `cartopath.study`.
"""
