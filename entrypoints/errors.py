"""What a person who started a command can mend."""


class Trouble(Exception):
    """Told in one line, without a traceback; the command exits with 2."""
