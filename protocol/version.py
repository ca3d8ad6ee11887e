"""The version of the wire. It is part of every topic, so two versions can share a broker."""

PROTOCOL_VERSION = 1
