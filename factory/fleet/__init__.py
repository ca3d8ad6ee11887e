"""The factory's end of the wire: the broker it may bring along, its link to it, what comes in and what goes out.

`inbox` stores what devices tell, `delivery` makes the messages that bring a release to a device, `push` decides who
needs one, `enrolment` makes the file that turns a Raspberry Pi into a device of this fleet. Only `link` speaks MQTT.
"""
