"""`factory demo`: the whole loop on real data, on one machine, in a few minutes.

It does what a user would do by hand, with the same parts: build a model from real recordings, sign it, start the
broker, the service and the page, enrol a device, start a real `edge-agent` process, push, send ground truth, watch the
device's accuracy arrive.

Everything it makes is in one folder. Killed at any point and started again, it goes on from there and ends in the same
state.
"""

from factory.demo.report import DemoReport
from factory.demo.story import DemoOptions, demo

__all__ = ["DemoOptions", "DemoReport", "demo"]
