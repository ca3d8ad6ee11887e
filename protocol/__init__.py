"""The wire contract between the factory and its devices. Both sides import it; it imports neither.

`topics` names every MQTT topic, `messages` every message, `codec` turns bytes into messages and back, `manifest` is
what travels beside a model, `windows` cuts a stream the same way on both sides, `chunks` cuts a blob, `trust` verifies.
"""
