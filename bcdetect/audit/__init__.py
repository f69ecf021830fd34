"""What makes numbers too good: copies in two parts, patients in two parts, labels told by what should say nothing.

duplicates (near_pictures, near_rows) and shortcuts -> checks -> text, CSV, JSON and a sheet of pictures.
"""

from bcdetect.audit.checks import Audit, Check, audit, quick_audit
from bcdetect.audit.duplicates import Duplicates, duplicated_in, find_duplicates, shared_rows
from bcdetect.audit.pairs import Pair

__all__ = ["Audit", "Check", "Duplicates", "Pair", "audit", "duplicated_in", "find_duplicates", "quick_audit", "shared_rows"]
