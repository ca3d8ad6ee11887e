"""What can go wrong in the factory, split by what the caller does about it.

FactoryError
    BadInput        refuse: the user's data, task, budget or request is wrong; the message names the cure. Status 2.
    Unavailable     retry: a broker, database or device did not answer in time. Exit status 3.
"""


class FactoryError(Exception):
    """Root of everything the factory raises on purpose."""

    exit_status = 1


class BadInput(FactoryError):  # noqa: N818  (reads as what it is: "raise BadInput(...)")
    """Input the factory refuses: say which field, which value, and what to do about it."""

    exit_status = 2

    def __init__(self, where: str, problem: str, cure: str) -> None:
        super().__init__(f"{where}: {problem}. {cure}.")


class Unavailable(FactoryError):  # noqa: N818
    """Something outside did not answer in time; trying again may help."""

    exit_status = 3
