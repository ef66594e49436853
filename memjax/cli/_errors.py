import contextlib


class UsageError(ValueError):
    """The user asked for something that cannot be done; one line says what and how to mend it."""


@contextlib.contextmanager
def usage_errors():
    """Turns the errors of wrong arguments, missing data and unwritable folders into a `UsageError`.

    Put it around the steps that check what the user gave, not around the work itself, so that a bug keeps its
    traceback.
    """
    try:
        yield
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise UsageError(" ".join(str(error).split())) from error
