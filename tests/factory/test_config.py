"""The factory's configuration file."""

from pathlib import Path

import pytest

from factory.config import CONFIG_NAME, EMBEDDED, load_config
from factory.errors import BadInput


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    config = load_config(tmp_path)
    assert (config.home, config.fleet, config.broker.url, config.database.url) == (tmp_path, "cygnet", EMBEDDED, None)


def test_a_file_sets_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    broker = '[broker]\nurl = "mqtts://broker.example:8883"\nca = "ca.pem"\n'
    (tmp_path / CONFIG_NAME).write_text(
        f'fleet = "plant-7"\n{broker}[limits]\npush_timeout_s = 5\n[build]\ncluster = "tcp://gpu:8786"\n'
    )
    config = load_config(tmp_path)
    assert (config.fleet, config.broker.url, config.broker.ca) == ("plant-7", "mqtts://broker.example:8883", "ca.pem")
    assert (config.limits.push_timeout_s, config.web.port) == (5, 8080)
    assert config.build.cluster == "tcp://gpu:8786"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("fleet = ", "not TOML", id="what is not TOML is refused with the line"),
        pytest.param('flet = "x"', "Did you mean fleet", id="a misspelt key names the nearest one"),
        pytest.param(
            '[broker]\nurl = "http://x"', "'http://x' is no broker", id="a URL of another scheme is no broker"
        ),
        pytest.param('[broker]\nurl = "mqtt://"', "is no broker", id="a URL without a host is no broker"),
        pytest.param("[web]\nport = true", "True is not", id="a boolean is no number"),
        pytest.param('[web]\nport = "80"', "'80' is not", id="text is no number"),
        pytest.param("web = 3", "is not a table", id="a section must be a section"),
        pytest.param('fleet = "Plant 7"', "cannot name a fleet", id="a name that no topic can hold is refused"),
        pytest.param("[database]\nfile = 1", "unknown key 'file'", id="an unknown key in a section is refused"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / CONFIG_NAME).write_text(text)
    with pytest.raises(BadInput, match=r"factory\.toml") as refused:
        load_config(tmp_path)
    assert complaint in str(refused.value)
