"""What signals do to a command that takes long."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from factory.commands.stopping import SIGNALS, stoppable

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("one", SIGNALS)
def test_the_first_signal_ends_the_block_and_all_is_as_before(one: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(KeyboardInterrupt), stoppable():
        os.kill(os.getpid(), one)
    assert [signal.getsignal(each) for each in SIGNALS] == before


@pytest.mark.parametrize("one", SIGNALS)
def test_the_second_one_ends_the_process_whatever_it_does(one: signal.Signals) -> None:
    script = (
        "from factory.commands.stopping import stoppable\nimport time\n"
        "with stoppable():\n    try:\n        print('ready', flush=True); time.sleep(60)\n"
        "    finally:\n        print('cleaning up', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(one)
        assert process.stdout.readline() == "cleaning up\n"
        process.send_signal(one)
        assert process.wait(10) == -one
