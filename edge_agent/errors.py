"""What can go wrong in the agent, split by what the caller does about it.

AgentError
    BadConfig       refuse to start: the configuration or enrolment is wrong; the message names the cure. Exit status 2.
    Refused         refuse this change and report the reason; what runs keeps running.
    RunnerFailed    restart the child process that runs the model.
    SensorFailed    open the sensor again, with back-off.
    LinkLost        wait for the next connection and do it again.
"""


class AgentError(Exception):
    """Root of everything the agent raises on purpose."""

    exit_status = 1


class BadConfig(AgentError):  # noqa: N818
    """The configuration is wrong: say which field, which value, and what to do about it."""

    exit_status = 2

    def __init__(self, where: str, problem: str, cure: str) -> None:
        super().__init__(f"{where}: {problem}. {cure}.")


class Refused(AgentError):  # noqa: N818
    """A change this device will not make; `reason` is one of `protocol.messages.Reason`."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class RunnerFailed(AgentError):  # noqa: N818
    """The child process crashed, hung, or answered nonsense."""


class SensorFailed(AgentError):  # noqa: N818
    """The sensor stopped or cannot be opened."""


class LinkLost(AgentError):  # noqa: N818
    """The broker is not there, or went away before it answered."""
