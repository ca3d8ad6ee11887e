"""From an order to a release: what is laid out, what is promised of it, and what is found again."""

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from factory import compiler, pipeline
from factory.artifacts import TEST, Budget
from factory.errors import BadInput
from factory.pipeline.produce import GOLDEN_WINDOWS
from factory.registry import Registry
from factory.release import Keyring
from protocol import manifest, trust
from protocol.trust import FileRef
from tests.support.workshop import Silent, Workshop

NEWEST_OPSET, NEWEST_IR = 17, 10  # what onnxruntime 1.20, the oldest we support on a device, certainly takes


def test_the_folder_holds_what_the_signed_document_binds(workshop: Workshop) -> None:
    folder = workshop.built.folder
    assert {path.name for path in folder.iterdir()} == {"model.onnx", "manifest.json", "release.json", "card.html"}
    keyring = Keyring(workshop.home / "keys")
    files = trust.verify_release(trust.pinned_root(keyring.root_document), (folder / "release.json").read_bytes())
    assert files.model == FileRef.of((folder / "model.onnx").read_bytes())
    assert files.manifest == FileRef.of((folder / "manifest.json").read_bytes())
    assert [path for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_the_model_promises_what_every_published_file_does(workshop: Workshop) -> None:
    path, task = workshop.built.folder / "model.onnx", workshop.dataset.task
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import[0].version <= NEWEST_OPSET
    assert model.ir_version <= NEWEST_IR
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    facts = compiler.facts_of(path.read_bytes())
    assert (json.loads(facts["classes"]), facts["rate_hz"]) == (list(task.classes), "20")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.type, taken.shape[1:]) == ("window", "tensor(float)", [task.window, len(task.channels)])
    assert (given.name, given.type) == ("probabilities", "tensor(float)")
    windows = workshop.dataset.X[:3].copy()
    windows[0, :, 0] = np.nan
    (answers,) = session.run(None, {"window": windows})
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-5)


def test_the_manifest_carries_golden_vectors_that_the_model_reproduces(workshop: Workshop) -> None:
    told = manifest.decode((workshop.built.folder / "manifest.json").read_bytes())
    windows, answers = manifest.golden_vectors(told)
    measured = compiler.answers((workshop.built.folder / "model.onnx").read_bytes(), windows, 1)
    assert len(windows) == GOLDEN_WINDOWS
    assert np.abs(measured - answers).max() <= told.golden.tolerance


def test_the_same_order_finds_its_release_and_lays_it_out_again(workshop: Workshop, home: Path, tmp_path: Path) -> None:
    with Registry.open(home) as registry:
        order = pipeline.Order("people", workshop.dataset, workshop.budget, 0, tmp_path / "again")
        again = pipeline.produce(order, registry, Keyring(home / "keys"), Silent(), 1)
        assert len(registry.releases()) == 1
    assert again.release == workshop.built.release
    assert (tmp_path / "again" / "model.onnx").read_bytes() == (workshop.built.folder / "model.onnx").read_bytes()


def test_a_folder_of_ours_is_replaced(workshop: Workshop, home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "release.json").write_text("old")
    (out / "stale.txt").write_text("old")
    with Registry.open(home) as registry:
        order = pipeline.Order("people", workshop.dataset, workshop.budget, 0, out)
        pipeline.produce(order, registry, Keyring(home / "keys"), Silent(), 1)
    assert not (out / "stale.txt").exists()
    assert (out / "model.onnx").exists()


def test_what_a_killed_build_left_is_cleared_away(workshop: Workshop, home: Path, tmp_path: Path) -> None:
    for name in (".out.draft", ".out.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.onnx").write_text("half")
    with Registry.open(home) as registry:
        order = pipeline.Order("people", workshop.dataset, workshop.budget, 0, tmp_path / "out")
        pipeline.produce(order, registry, Keyring(home / "keys"), Silent(), 1)
    assert {path.name for path in tmp_path.iterdir()} == {"out", "home"}


def test_evaluating_the_model_gives_what_the_examination_gave(workshop: Workshop) -> None:
    evidence = pipeline.evaluate(workshop.built.folder / "model.onnx", workshop.dataset, "test")
    test = workshop.built.test
    assert (evidence.accuracy, evidence.windows) == (test["accuracy"], test["windows"])
    assert evidence.confusion == tuple(map(tuple, test["confusion"]))
    assert pipeline.built_from(workshop.built.folder / "model.onnx") == workshop.dataset.digest


def test_a_model_for_other_windows_is_refused(workshop: Workshop) -> None:
    shorter = dataclasses.replace(workshop.dataset, X=workshop.dataset.X[:, :-1])
    with pytest.raises(BadInput, match=r"not a model for this data: .*invalid dimensions"):
        pipeline.evaluate(workshop.built.folder / "model.onnx", shorter, "test")


def test_a_part_without_windows_is_refused(workshop: Workshop) -> None:
    with pytest.raises(BadInput, match="the test part of this data has no windows"):
        pipeline.evaluate(
            workshop.built.folder / "model.onnx",
            dataclasses.replace(workshop.dataset, part=np.zeros_like(workshop.dataset.part)),
            "test",
        )


def test_held_out_people_are_not_among_those_the_model_learned_from(workshop: Workshop) -> None:
    held_out = workshop.dataset.part == TEST
    assert not set(workshop.dataset.group[held_out]) & set(workshop.dataset.group[~held_out])


def test_an_order_that_nothing_can_meet_leaves_no_release_and_no_folder(workshop: Workshop, tmp_path: Path) -> None:
    with Registry.open(tmp_path / "home") as registry:
        keyring = Keyring.open(tmp_path / "home" / "keys", datetime.now(UTC))
        order = pipeline.Order("people", workshop.dataset, Budget(max_kb=0.1), 0, tmp_path / "out")
        with pytest.raises(BadInput, match="kB"):
            pipeline.produce(order, registry, keyring, Silent(), 1)
        assert registry.releases() == []
    assert not (tmp_path / "out").exists()
