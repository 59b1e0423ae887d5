import datetime
import os

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from toolforge_common.errors import Conflict, NotFound, Unavailable
from toolforge_runtime.local import tenancy as module
from toolforge_runtime.local.tenancy import LocalTenancy, kubeconfig

NOW = datetime.datetime(2026, 1, 1, 12, 0, 0, 700_000, tzinfo=datetime.UTC)
URL = "https://127.0.0.1:30003"


class Clock:
    def __init__(self):
        self.now = NOW.timestamp()
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def open_tenancy(state, authority, clock):
    """Open the tenancy, again if it was open before, as a restart of the platform does."""
    opened = []

    def open_(url=URL, ca=b""):
        for tenancy in opened:
            tenancy.close()
        opened[:] = [LocalTenancy(state, authority, url, ca, clock=clock, sleep=clock.sleep)]
        return opened[0]

    yield open_
    for tenancy in opened:
        tenancy.close()


def certificate(home):
    return x509.load_pem_x509_certificate((home / ".toolskube/client.crt").read_bytes())


def test_a_home_belongs_to_its_tool(state, open_tenancy):
    tool = open_tenancy().create("demo")
    home = state.tools / "demo"
    owner = tool.uid if os.geteuid() == 0 else os.geteuid()
    group = tool.uid if os.geteuid() == 0 else os.getegid()
    found = {
        str(path.relative_to(home)): (f"{path.stat().st_mode & 0o7777:o}", path.stat().st_uid)
        for path in (home, *home.rglob("*"))
    }

    assert str(tool.home) == str(home)
    assert found == {
        ".": ("2770", owner),
        "logs": ("2770", owner),
        ".toolskube": ("700", owner),
        ".toolskube/client.crt": ("400", owner),
        ".toolskube/client.key": ("400", owner),
        ".kube": ("700", owner),
        ".kube/config": ("600", owner),
    }
    assert home.stat().st_gid == group
    assert sorted(path.name for path in state.tools.iterdir()) == ["demo"]


def test_the_certificate_names_the_tool_and_begins_with_it(state, open_tenancy, authority):
    tool = open_tenancy().create("demo")
    home = state.tools / "demo"
    found = certificate(home)

    names = [(name.oid, name.value) for name in found.subject]
    assert names == [(NameOID.ORGANIZATION_NAME, "toolforge"), (NameOID.COMMON_NAME, "demo")]
    usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert found.not_valid_before_utc == tool.created_at == NOW.replace(microsecond=0)
    found.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate))
    key = serialization.load_pem_private_key((home / ".toolskube/client.key").read_bytes(), None)
    assert key.public_key() == found.public_key()


def test_the_kubeconfig_says_who_and_where(state, open_tenancy):
    open_tenancy().create("demo")

    assert yaml.safe_load((state.tools / "demo/.kube/config").read_text()) == {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "toolforge", "cluster": {"server": URL}}],
        "contexts": [
            {
                "name": "toolforge",
                "context": {"cluster": "toolforge", "namespace": "tool-demo", "user": "tf-demo"},
            }
        ],
        "current-context": "toolforge",
        "users": [
            {
                "name": "tf-demo",
                "user": {
                    "client-certificate": "../.toolskube/client.crt",
                    "client-key": "../.toolskube/client.key",
                },
            }
        ],
    }


def test_the_kubeconfig_may_have_the_authority_of_the_gateway():
    cluster = yaml.safe_load(kubeconfig("demo", URL, b"PEM"))["clusters"][0]["cluster"]

    assert cluster == {"server": URL, "certificate-authority-data": "UEVN"}


def test_a_name_is_given_again_only_in_a_later_second(state, open_tenancy, clock):
    tenancy = open_tenancy()
    first = tenancy.create("demo")
    old = certificate(state.tools / "demo")
    tenancy.delete("demo")
    again = tenancy.create("demo")

    assert clock.slept == [pytest.approx(0.3)]
    assert old.not_valid_before_utc == first.created_at < again.created_at
    assert certificate(state.tools / "demo").not_valid_before_utc == again.created_at


def test_numbers_are_not_given_again_after_a_restart(open_tenancy):
    first = open_tenancy().create("demo")
    open_tenancy().delete("demo")

    assert (first.uid, open_tenancy().create("demo").uid) == (52000, 52001)


def test_tools_survive_a_restart(open_tenancy):
    tool = open_tenancy().create("demo")
    disabled = open_tenancy().set_enabled("demo", enabled=False)

    assert open_tenancy().get("demo") == disabled
    assert disabled.uid == tool.uid


@pytest.mark.parametrize("step", ["_write_certificate", "_write_kubeconfig"])
def test_a_half_made_tool_is_removed_by_the_next_start(state, open_tenancy, monkeypatch, step):
    def die(*_):
        raise KeyboardInterrupt

    tenancy = open_tenancy()
    monkeypatch.setattr(tenancy, step, die)
    with pytest.raises(KeyboardInterrupt):
        tenancy.create("demo")
    assert [path.name for path in state.tools.iterdir()] == [".52000"]
    with pytest.raises(NotFound):
        tenancy.get("demo")

    tenancy = open_tenancy()
    assert list(state.tools.iterdir()) == []
    assert tenancy.create("demo").uid == 52001


def test_a_tool_that_cannot_be_made_leaves_nothing(state, open_tenancy, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    tenancy = open_tenancy()
    monkeypatch.setattr(tenancy, "_write_kubeconfig", fail)
    with pytest.raises(Unavailable, match="No space left on device"):
        tenancy.create("demo")

    assert (list(tenancy.list()), list(state.tools.iterdir())) == ([], [])


def test_a_half_removed_tool_is_removed_by_the_next_start(state, open_tenancy, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    tenancy = open_tenancy()
    tenancy.create("demo")
    monkeypatch.setattr(tenancy, "_remove", die)
    with pytest.raises(KeyboardInterrupt):
        tenancy.delete("demo")
    assert list(tenancy.list()) == []
    with pytest.raises(Conflict):
        tenancy.create("demo")

    tenancy = open_tenancy()
    assert list(state.tools.iterdir()) == []
    assert tenancy.create("demo").uid == 52001


def test_a_folder_that_is_no_tools_is_not_taken_over(state, open_tenancy):
    (state.tools / "demo").mkdir()
    tenancy = open_tenancy()
    with pytest.raises(Conflict, match="belongs to no tool"):
        tenancy.create("demo")

    assert (list(tenancy.list()), (state.tools / "demo").is_dir()) == ([], True)


def test_deletion_removes_whatever_the_tool_has_made(state, open_tenancy, tmp_path):
    tenancy = open_tenancy()
    tenancy.create("demo")
    home = state.tools / "demo"
    (home / "a/b").mkdir(parents=True)
    (home / "a/link").symlink_to(tmp_path)
    (tmp_path / "untouched").touch()
    tenancy.delete("demo")

    assert list(state.tools.iterdir()) == []
    assert (tmp_path / "untouched").exists()


def test_a_certificate_is_renewed_in_time(state, open_tenancy, clock):
    tool = open_tenancy().create("demo")
    clock.now += datetime.timedelta(days=334).total_seconds()
    open_tenancy()
    assert certificate(state.tools / "demo").not_valid_before_utc == tool.created_at

    clock.now += datetime.timedelta(days=2).total_seconds()
    open_tenancy()
    assert certificate(state.tools / "demo").not_valid_before_utc.timestamp() == int(clock.now)


def test_renewal_follows_no_link(state, open_tenancy, clock, tmp_path):
    open_tenancy().create("demo")
    folder = state.tools / "demo/.toolskube"
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    before = (tmp_path / "elsewhere/client.crt").read_bytes()
    clock.now += datetime.timedelta(days=360).total_seconds()
    open_tenancy()

    assert (tmp_path / "elsewhere/client.crt").read_bytes() == before


def test_what_a_tool_did_to_its_home_does_not_hinder_the_platform(state, open_tenancy, clock):
    open_tenancy().create("demo")
    (state.tools / "demo/.toolskube/.client.key.new").mkdir()
    clock.now += datetime.timedelta(days=360).total_seconds()

    assert [tool.name for tool in open_tenancy().list()] == ["demo"]


def test_the_limit_for_renewal_is_the_existing_platforms():
    assert datetime.timedelta(days=30) == module.RENEW_BEFORE


def test_a_certificate_is_renewed_while_the_platform_runs(state, open_tenancy, clock):
    tenancy = open_tenancy()
    tenancy.create("demo")
    clock.now += datetime.timedelta(days=336).total_seconds()

    tenancy.renew_certificates()

    assert certificate(state.tools / "demo").not_valid_before_utc.timestamp() == int(clock.now)


@pytest.mark.parametrize("ca", [b"", b"old"])
def test_the_kubeconfig_follows_the_gateway(state, open_tenancy, ca):
    tool = open_tenancy("https://[::1]:30003", ca).create("demo")
    file = state.tools / "demo/.kube/config"

    open_tenancy("https://127.0.0.1:31003", b"new")

    assert file.read_text() == kubeconfig("demo", "https://127.0.0.1:31003", b"new")
    assert file.stat().st_mode & 0o7777 == 0o600
    assert file.stat().st_uid == (tool.uid if os.geteuid() == 0 else os.geteuid())


def test_a_kubeconfig_that_is_right_is_left_alone(state, open_tenancy):
    open_tenancy().create("demo")
    file = state.tools / "demo/.kube/config"
    file.write_text(f"# a remark\n{file.read_text()}")
    before = file.stat()

    open_tenancy()

    assert file.stat() == before


MERGES = b"a0: &a0 {x: 1}\n" + b"".join(
    b"a%d: &a%d {<<: [%s]}\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 12)
)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xff",
        b"clusters: 1",
        b"[" * 20_000,
        b"#" * 70_000,
        # A number of more digits than Python reads.
        kubeconfig("demo", URL).encode() + b"x: 0x" + b"f" * 6000,
        # What takes a parser of YAML for ever.
        MERGES,
        # What the tool has added is the tool's own.
        kubeconfig("demo", URL).encode() + b"preferences: {}\n",
        kubeconfig("demo", URL).replace("30003", "30003 # mine").encode(),
        kubeconfig("another", URL).encode(),
    ],
)
def test_a_kubeconfig_that_a_tool_changed_is_left_alone(state, open_tenancy, content):
    open_tenancy().create("demo")
    file = state.tools / "demo/.kube/config"
    file.write_bytes(content)

    assert [tool.name for tool in open_tenancy("https://127.0.0.1:31003").list()] == ["demo"]

    assert file.read_bytes() == content


@pytest.mark.parametrize("name", [".kube", ".kube/config"])
def test_the_kubeconfig_is_not_looked_for_behind_a_link(state, open_tenancy, tmp_path, name):
    open_tenancy().create("demo")
    place = state.tools / "demo" / name
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    file = next(
        path for path in (tmp_path / "elsewhere", tmp_path / "elsewhere/config") if path.is_file()
    )
    before = file.read_bytes()

    open_tenancy("https://127.0.0.1:31003")

    assert file.read_bytes() == before
