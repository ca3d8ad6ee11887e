"""What a device's states and reasons mean, in words for the person who has to act on them."""

from dataclasses import dataclass

from protocol.messages import Reason, State


@dataclass(frozen=True)
class Meaning:
    """What happened, and what to do about it, each without its full stop."""

    what: str
    cure: str


STATES = {
    State.ACCEPTED: "took the request",
    State.DOWNLOADING: "started the download",
    State.VERIFIED: "checked signature and digest",
    State.STAGED: "reproduced the golden vectors in a trial run",
    State.ACTIVE: "switched to the model",
    State.ROLLED_BACK: "went back to the model before",
    State.FAILED: "could not install the model",
    State.REJECTED: "refused the model",
}

GOOD = frozenset({State.ACTIVE})
BAD = frozenset({State.ROLLED_BACK, State.FAILED, State.REJECTED})

REASONS = {
    Reason.MALFORMED: Meaning(
        "The document could not be read", "Check that agent and factory speak the same protocol version"
    ),
    Reason.UNSIGNED: Meaning(
        "The document carries no valid signature", "Push again; if it returns, look for a second factory on this broker"
    ),
    Reason.WRONG_KEY: Meaning(
        "The document is signed by a key this device does not trust", "Enrol the device anew with this factory's bundle"
    ),
    Reason.EXPIRED: Meaning(
        "The request had expired before the device saw it", "Push again, and check the device's clock"
    ),
    Reason.REPLAYED: Meaning(
        "An older request arrived again and was refused",
        "Nothing to do, unless it keeps happening: then look at who publishes on the broker",
    ),
    Reason.OTHER_DEVICE: Meaning(
        "The request was meant for another device", "Check that no two devices were enrolled with the same bundle"
    ),
    Reason.WRONG_LENGTH: Meaning(
        "The file has another length than was signed", "Push again; if it returns, the blob in the registry is damaged"
    ),
    Reason.WRONG_DIGEST: Meaning(
        "The file has another digest than was signed", "Push again; if it returns, the blob in the registry is damaged"
    ),
    Reason.TOO_LARGE: Meaning(
        "The model is larger than the device accepts",
        "Build with a smaller size budget, or raise `max_model_bytes` on the device",
    ),
    Reason.RUNTIME_TOO_OLD: Meaning(
        "The device's onnxruntime is too old for this model", "Upgrade the agent on the device, then push again"
    ),
    Reason.OPERATOR_NOT_ALLOWED: Meaning(
        "The model uses an operator this device does not allow", "Build the model with this factory's compiler"
    ),
    Reason.EXTERNAL_DATA: Meaning(
        "The model refers to a file outside itself", "Build the model with this factory's compiler"
    ),
    Reason.SENSOR_MISMATCH: Meaning(
        "The model expects other channels or another rate than the sensor gives",
        "Choose a model for this sensor, or correct `[sensor]` on the device",
    ),
    Reason.GOLDEN_MISMATCH: Meaning(
        "The device computes other answers than the factory measured",
        "Push the fp32 variant, and compare onnxruntime versions",
    ),
    Reason.TOO_SLOW: Meaning(
        "The model is slower than the device's limit",
        "Build with a smaller MACs budget, or raise `max_latency_us` on the device",
    ),
    Reason.RUNNER_FAILED: Meaning("The process that runs the model crashed", "Run `edge-agent doctor` on the device"),
    Reason.QUARANTINED: Meaning("This model failed on this device before and is not tried again", "Push another model"),
    Reason.TIMED_OUT: Meaning("A step took too long", "Check the connection, then push again"),
    Reason.DISK_FULL: Meaning("The device's disk is full", "Free some space on the device, then push again"),
}


def state_words(state: str) -> str:
    """What the device did, to be read after its name; an unknown state is shown as it came."""
    return STATES[State(state)] if state in STATES else state


def meaning(reason: str | None) -> Meaning | None:
    """The words of a reason code; None where there is none or it is of a newer protocol."""
    return REASONS[Reason(reason)] if reason in REASONS else None


def tone(state: str) -> str:
    """How a state is coloured: good, bad or busy."""
    if state in GOOD:
        return "good"
    return "bad" if state in BAD else "busy"
