"""A policy-gradient controller: draws architectures decision by decision, and makes those decisions likelier that led
to better scores than usual.

REINFORCE with a moving baseline: Williams, "Simple statistical gradient-following algorithms", 1992; for architectures
Zoph and Le, 2017. Learning from others' successes: Oh et al., "Self-imitation learning", 2018.

Rules
1. The policy is one softmax a named decision. The names say where a decision stands ("convnet.2.kernel"), so decisions
   of one family or block are learned apart from another's.
2. The advantage of a score is its distance from the moving mean, in moving deviations, so that it does not matter how
   wide the scores of a task spread. It is cut at `MOST_ADVANTAGE`: one failure is no reason to forget everything.
3. From proposals that the controller did not draw itself it learns only where they are better than usual: their
   decisions are not what the policy does, so that their failures say nothing of it.
4. An entropy bonus keeps every option possible.
"""

import math
import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from factory.architectures import Architecture
from factory.search.searcher import Proposal
from factory.search.space import Decision, Space
from factory.search.space.choices import Recorder, V

NAME = "controller"
RATE = 0.25  # of learning, logits for an advantage of one
ENTROPY = 0.02
MEMORY = 0.9  # decay a score of the moving mean and deviation
MOST_ADVANTAGE = 3.0
LEAST_DEVIATION = 1e-3  # of scores

Float64 = npt.NDArray[np.float64]


class Controller:
    """See the head of this file."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._rng = random.Random(seed)  # noqa: S311  (a search, not a secret)
        self._logits: dict[str, Float64] = {}
        self._drawn: dict[Architecture, tuple[Decision, ...]] = {}
        self._baseline = _Baseline()

    def ask(self) -> Proposal:
        """A draw from the policy."""
        recorder = Recorder(self._choose)
        architecture = self._space.sample(recorder)
        self._drawn[architecture] = tuple(recorder.decisions)
        return Proposal(architecture, NAME)

    def tell(self, proposal: Proposal, score: float) -> None:
        """A step along the gradient (rules 2 to 4)."""
        advantage = self._baseline.advantage(score)
        decisions = self._drawn.get(proposal.architecture)
        if decisions is None and advantage <= 0:
            return
        for decision in decisions or self._space.decisions(proposal.architecture):
            self._learn(decision, advantage)

    def policy(self, name: str, options: int) -> Float64:
        """Probabilities of the options of a decision."""
        logits = self._logits.get(name, np.zeros(options))
        powers = np.exp(logits - logits.max())
        probabilities: Float64 = powers / powers.sum()
        return probabilities

    def _choose(self, name: str, options: Sequence[V]) -> V:
        return self._rng.choices(options, self.policy(name, len(options)).tolist())[0]

    def _learn(self, decision: Decision, advantage: float) -> None:
        p = self.policy(decision.name, len(decision.options))
        log_p = np.log(p)
        entropy_gradient = -p * (log_p - (p * log_p).sum())
        gradient = advantage * (np.eye(len(p))[decision.index] - p) + ENTROPY * entropy_gradient
        self._logits[decision.name] = self._logits.get(decision.name, np.zeros(len(p))) + RATE * gradient


class _Baseline:
    """Moving mean and variance of scores."""

    def __init__(self) -> None:
        self._weight = self._mean = self._square = 0.0

    def advantage(self, score: float) -> float:
        """How much better than usual a score is, which then becomes part of what is usual (rule 2)."""
        surprise = score - self._mean if self._weight else 0.0
        deviation = max(math.sqrt(self._square), abs(surprise) / MOST_ADVANTAGE, LEAST_DEVIATION)
        self._weight = MEMORY * self._weight + 1
        self._mean += (score - self._mean) / self._weight
        self._square += (surprise**2 - self._square) / self._weight
        return surprise / deviation
