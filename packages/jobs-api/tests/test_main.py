"""The service as a process of its own: what it needs, and what it says without it."""

import json

import pytest
from cryptography.hazmat.primitives import serialization

import toolforge_jobs_api.__main__ as program
from toolforge_common.api.testing.client import ServiceClient
from toolforge_common.settings import SettingsError
from toolforge_jobs_api.settings import Settings

MEMORY = {"TOOLFORGE_JOBS_PORTS": "memory"}


@pytest.fixture
def keys_file(tmp_path, signer):
    raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    keys = {name: key.public_bytes(*raw).hex() for name, key in signer.public_keys.items()}
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(keys))
    return file


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({}, "the jobs service runs inside the platform"),
        ({"TOOLFORGE_JOBS_PORTS": "local"}, "the jobs service runs inside the platform"),
        (MEMORY, "TOOLFORGE_JOBS_GATEWAY_KEYS must name the file"),
        (
            {**MEMORY, "TOOLFORGE_JOBS_GATEWAY_KEYS": "/no/such/file"},
            "/no/such/file does not hold public keys",
        ),
        ({"TOOLFORGE_JOBS_THREADS": "0"}, "TOOLFORGE_JOBS_THREADS must be at least 1"),
    ],
)
def test_without_what_it_needs_it_says_so_and_ends(environ, sentence, capsys):
    assert program.main(environ) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"toolforge_jobs_api: {sentence}")


@pytest.mark.parametrize("content", ["", "[]", '{"k": 5}', '{"k": "zz"}', '{"k": "00"}'])
def test_a_file_without_keys(tmp_path, content):
    file = tmp_path / "keys.json"
    file.write_text(content)

    with pytest.raises(SettingsError, match="does not hold public keys"):
        program.read_keys(file)


def test_it_serves_what_the_gateway_signs(keys_file, signer):
    app = program.build(Settings(ports="memory", gateway_keys=keys_file))

    assert ServiceClient(app, signer, "jobs").get("/v1/tool/demo/jobs").status == 200


def test_it_listens_where_it_is_told(keys_file, monkeypatch):
    calls = []
    # The server itself would go on for ever, and the logging stays the tests' own.
    monkeypatch.setattr(program.uvicorn, "run", lambda app, **options: calls.append(options))
    monkeypatch.setattr(program, "configure_logging", lambda **options: calls.append(options))
    environ = {
        **MEMORY,
        "TOOLFORGE_JOBS_GATEWAY_KEYS": str(keys_file),
        "TOOLFORGE_JOBS_PORT": "8123",
        "TOOLFORGE_JOBS_DEBUG": "yes",
    }

    assert program.main(environ) == 0
    assert calls == [
        {"debug": True},
        {"host": "127.0.0.1", "port": 8123, "log_config": None, "access_log": False},
    ]
