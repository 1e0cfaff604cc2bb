"""What a command prints: output to stdout, logs and errors to stderr."""

import logging
import sys


def tell(text: str) -> None:
    """Print one piece of output at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print an error as every command does."""
    sys.stderr.write(f"basepay: {text}\n")


def log_to_stderr(level: int = logging.INFO) -> None:
    """One line a record; libraries speak up from WARNING on."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    logging.getLogger("basepay").setLevel(level)
