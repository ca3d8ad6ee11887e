"""An MQTT 5 broker that comes with the factory, for one machine: development, the demo and most tests.

Loopback only: it knows no passwords, no access rules and no client certificates, and forgets everything when it stops.
A fleet needs a broker of its own (docs/operating.md); the factory and the agents then take its URL.
"""

from pathlib import Path
from types import TracebackType

from iotcore import Broker

from factory.errors import Unavailable

# Retained messages and queues live in memory, per topic filter: small segments keep a busy broker near 60 MB.
_CONFIG = """\
id = 0

[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = 1048576
max_segment_count = 10

[v5.1]
name = "loopback"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true
"""


class EmbeddedBroker:
    """A broker process on 127.0.0.1 that ends when this process does, however it ends.

    Its settings are written into `folder`. Use as a context manager; `ensure` starts it again where it has died.
    """

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self.url = f"mqtt://127.0.0.1:{port}"
        config = folder / "broker.toml"
        config.write_text(_CONFIG.format(port=port))
        self._broker = Broker(config_path=str(config))

    def ensure(self) -> None:
        """Start the broker unless it runs.

        Raises:
            Unavailable: the port is taken, or the broker does not come up.
        """
        if self._broker.is_running:
            return
        self._broker.stop()  # lets go of what is left of a dead one
        try:
            self._broker.start()
        except (OSError, RuntimeError) as error:
            raise Unavailable(
                f"the embedded broker cannot listen on port {self.port}: {error}. "
                "Stop what uses that port, or set another as broker.port in factory.toml."
            ) from error

    @property
    def pid(self) -> int | None:
        """The broker's process, where it runs."""
        process = self._broker._process
        return process.pid if process is not None and process.poll() is None else None

    def __enter__(self) -> "EmbeddedBroker":
        self.ensure()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._broker.stop()
