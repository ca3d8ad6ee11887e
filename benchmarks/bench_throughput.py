"""How fast a network is trained: the factory against the loop that every tutorial shows, in one run.

Both sides train the same network on the same windows of the same people, on one thread. The plain side is a DataLoader
with batches of 64, one-dimensional convolutions, and Adam with a constant rate of 0.001, without augmentation. The
accuracy to reach is the best that the plain side has had on held-out people after any of its epochs; ours is trained
anew for more and more epochs until it is as good. Seconds are those of the core, so that whatever else the machine does
takes no part in them.

    python benchmarks/bench_throughput.py [--data SOURCE] [--epochs 20] [--seeds 3]
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from factory import data, training
from factory.architectures import Block, Convnet, FrontEnd, Head, Stage
from factory.artifacts import TRAIN, Dataset, Float32, Int64
from factory.search.space.shape import triples_of

OUT = Path("build/benchmarks/throughput.json")
BATCH, RATE = 64, 1e-3
LEAST_POWER = 1e-3  # inside logarithms, as in ours
OUR_EPOCHS = (2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 30, 40)
BLOCKS = {
    "plain": (Block(32, 11, 4), Block(48, 7, 2), Block(64, 5, 2)),
    "separable": (Block(32, 11, 4), Block(48, 7, 2, separable=True), Block(64, 5, 2, separable=True)),
}


@dataclass(frozen=True)
class Reached:
    """How long it took until an accuracy was reached."""

    accuracy: float
    epochs: int
    seconds: float
    epoch_s: float


class PlainBlock(nn.Module):
    """A stage as it is written when nobody measures: (batch, channel, time)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        block, inputs = stage.block, stage.inputs
        over_time = nn.Conv1d(
            inputs,
            inputs if block.separable else block.width,
            block.kernel,
            block.stride,
            block.kernel // 2,
            groups=inputs if block.separable else 1,
            bias=False,
        )
        mixing = [nn.Conv1d(inputs, block.width, 1, bias=False)] if block.separable else []
        self.layers = nn.Sequential(over_time, *mixing, nn.BatchNorm1d(block.width))
        self.residual = stage.residual

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        return torch.relu(y + x if self.residual else y)


class PlainNetwork(nn.Module):
    """The same network on normalised windows (batch, channel, time)."""

    def __init__(self, architecture: Convnet) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(PlainBlock(stage) for stage in architecture.stages))
        self.norm = nn.BatchNorm1d(architecture.features)
        self.dropout = nn.Dropout(architecture.head.dropout)
        self.linear = nn.Linear(architecture.features, architecture.classes)

    def forward(self, x: Tensor) -> Tensor:
        y = self.blocks(x)
        powers = torch.cat([x.var(2), (x[:, :, 1:] - x[:, :, :-1]).square().mean(2)], 1)
        described = [x.mean(2), x.std(2), x.amin(2), x.amax(2), (powers + LEAST_POWER).log()]
        pooled = [y.mean(2), y.amax(2), y.std(2), *described]
        logits: Tensor = self.linear(self.dropout(self.norm(torch.cat(pooled, 1))))
        return logits


@dataclass(frozen=True)
class Row:
    """Both sides at one network and seed."""

    network: str
    seed: int
    plain: Reached
    ours: Reached

    @property
    def ratio(self) -> float:
        return self.plain.seconds / self.ours.seconds

    @property
    def trials_a_minute(self) -> float:
        return 60 / self.ours.seconds

    def __str__(self) -> str:
        plain, ours = self.plain, self.ours
        return (
            f"{self.network:>10} {self.seed:>4} {plain.accuracy:>8.3f} {ours.accuracy:>7.3f} "
            f"{plain.epochs:>6} {ours.epochs:>4} {plain.seconds:>8.2f} {ours.seconds:>6.2f} "
            f"{plain.epoch_s:>8.3f} {ours.epoch_s:>6.3f} {self.ratio:>7.2f} {self.trials_a_minute:>10.1f}"
        )


HEADER = (
    f"{'network':>10} {'seed':>4} {'accuracy':>16} {'epochs':>11} {'seconds':>15} {'s an epoch':>15} "
    f"{'faster':>7} {'trials/min':>10}"
)


def main() -> None:
    options = _options()
    torch.set_num_threads(1)
    dataset = data.windows(data.load(options.data))
    rows = [_row(dataset, kind, seed, options.epochs) for kind in BLOCKS for seed in range(options.seeds)]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    written = [{**asdict(row), "ratio": row.ratio, "trials_a_minute": row.trials_a_minute} for row in rows]
    OUT.write_text(json.dumps(written, indent=1))
    print(HEADER, *rows, sep="\n")
    ratios = np.array([row.ratio for row in rows])
    print(f"faster by {ratios.mean():.2f} +- {ratios.std(ddof=min(1, len(ratios) - 1)):.2f}")


def _row(dataset: Dataset, kind: str, seed: int, epochs: int) -> Row:
    task = dataset.task
    triples, head = triples_of(task.channels), Head(True, dropout=0.3)
    architecture = Convnet(task.window, len(task.channels), len(task.classes), triples, FrontEnd(), BLOCKS[kind], head)
    train, held = dataset.only(TRAIN), dataset.part != TRAIN
    X, y = dataset.X[held], dataset.y[held]
    plain = max(_plain(architecture, train, (X, y), seed, epochs), key=lambda reached: reached.accuracy)
    return Row(kind, seed, plain, _ours(architecture, train, (X, y), seed, plain.accuracy))


def _plain(
    architecture: Convnet, train: Dataset, held: tuple[Float32, Int64], seed: int, epochs: int
) -> Iterator[Reached]:
    """What is reached after each epoch; answering the held-out windows takes no part in the time."""
    torch.manual_seed(seed)
    mean, deviation = np.nanmean(train.X, (0, 1)), np.nanstd(train.X, (0, 1))

    def prepared(X: Float32) -> Tensor:
        return torch.from_numpy(np.nan_to_num((X - mean) / deviation).transpose(0, 2, 1).copy())

    loader = DataLoader(
        TensorDataset(prepared(train.X), torch.from_numpy(train.y)), BATCH, shuffle=True, drop_last=True
    )
    network = PlainNetwork(architecture)
    adam = torch.optim.Adam(network.parameters(), lr=RATE)
    seconds = 0.0
    for epoch in range(1, epochs + 1):
        began = time.process_time()
        network.train()
        for windows, labels in loader:
            adam.zero_grad()
            loss = nn.functional.cross_entropy(network(windows), labels)
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
        seconds += time.process_time() - began
        with torch.inference_mode():
            answers = network.eval()(prepared(held[0])).argmax(1).numpy()
        yield Reached(float((answers == held[1]).mean()), epoch, seconds, seconds / epoch)


def _ours(architecture: Convnet, train: Dataset, held: tuple[Float32, Int64], seed: int, wanted: float) -> Reached:
    """The shortest training that is as good, or the longest that was tried."""
    for epochs in OUR_EPOCHS:
        began = time.process_time()
        trained = training.train(architecture, training.Lesson(train.X, train.y), seed, epochs)
        seconds = time.process_time() - began
        accuracy = float((training.answers(trained, held[0]).argmax(1) == held[1]).mean())
        if accuracy >= wanted:
            break
    return Reached(accuracy, epochs, seconds, seconds / epochs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="package:seglearn-watch", help="where the data is (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=20, help="of the plain loop (default: %(default)d)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each kind (default: %(default)d)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
