"""What can be wrong with something that came over the wire.

ProtocolError
    Malformed       drop it: not a message of this protocol, or beyond a size limit.
    Untrusted       refuse it and say why: `reason` is one of `protocol.messages.Reason`.

The text of each is `one_line`, whatever the sender put into it, so it can go into a log and into a `JobEvent` as it is.
"""

from protocol.messages import one_line


class ProtocolError(Exception):
    """Root of everything `protocol` raises."""

    def __init__(self, text: str) -> None:
        super().__init__(one_line(text))


class Malformed(ProtocolError):  # noqa: N818
    """Bytes that are no message of this protocol."""


class Untrusted(ProtocolError):  # noqa: N818
    """A document whose signature, version, expiry or addressee is wrong."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
