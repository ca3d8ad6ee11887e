"""The Raspberry Pi side: verify a release, stage it, run it, report what it did.

`agent` tells the agent's whole life; `lifecycle`, `trusted`, `guard`, `windowing` and `accuracy` decide without
touching anything; the rest acts. Only `runner` imports onnxruntime, only `link` speaks MQTT.
"""
