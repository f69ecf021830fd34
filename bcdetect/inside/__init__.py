"""Inside a network: one row's way through it, number by number, forward and back, as the engine computed it.

`taking` runs the row, `walking` is what can be asked of it, `wiring` the layers in the order data flows, `rules` what is told
of each kind of layer, `entrance` and `answer` the first step and the last.
"""

from bcdetect.inside.taking import walk
from bcdetect.inside.walking import Walk

__all__ = ["Walk", "walk"]
