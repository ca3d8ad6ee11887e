"""From a candidate to a release: examine it on held-out data, write its card, sign it, put it in the registry."""

from factory.release.card import card
from factory.release.examine import examine
from factory.release.facts import CardFacts, Prediction, count_parts
from factory.release.publish import ReleaseRequest, publish
from factory.release.signing import Keyring

__all__ = ["CardFacts", "Keyring", "Prediction", "ReleaseRequest", "card", "count_parts", "examine", "publish"]
