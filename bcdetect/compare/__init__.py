"""Several networks and baselines on the same folds, ranked by paired differences; and one network on ever more rows.

`variants` reads what is to be compared, `contenders` and `rivals` are what is, `contest` runs them, `ranking` and `sizes` judge,
`text` and `figures` show.
"""

from bcdetect.compare.contest import Comparison, compare
from bcdetect.compare.sizes import LearningCurve, learning_curve
from bcdetect.compare.variants import Variant, read_variants

__all__ = ["Comparison", "LearningCurve", "Variant", "compare", "learning_curve", "read_variants"]
