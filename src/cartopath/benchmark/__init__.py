"""How fast tiles are read and networks are fed on this machine and this slide, as ratios, and what to do about it.

`benchmark_slide` measures one slide of the user's; the scripts under `benchmarks/` measure slides of their own with the same
functions. This is the one package besides `cartopath.slides` that opens slides, by other libraries and only to compare with them.
"""

from cartopath.benchmark.race import Contender, Race, Ratio, race

__all__ = ["Contender", "Race", "Ratio", "race"]
