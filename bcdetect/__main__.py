"""`python -m bcdetect`."""

import sys

from bcdetect.cli import main

sys.exit(main())
