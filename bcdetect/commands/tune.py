"""x."""

HELP = "x"


def add_flags(parser):
    pass


def run(options):
    pass
