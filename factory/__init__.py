"""The cloud side: from a task and a recording to a signed model on a device, and back to the accuracy it has there."""
