"""What a person who started a command can mend."""


class Trouble(Exception):
    """Told in one line, without a traceback; the command exits with 2."""


class SettingsError(Trouble):
    """A value is missing or wrong; the text names its key and what was expected, never a secret."""
