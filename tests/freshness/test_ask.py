"""Questions to chart repositories, on loopback: a Helm repository, a registry, and what stands when one is silent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clusterbook.cli import build_main
from clusterbook.freshness.age import BEHIND, CURRENT, UNKNOWN
from clusterbook.freshness.ask import LARGEST_INDEX_BYTES, ask
from clusterbook.freshness.pins import pins
from clusterbook.oci.open import Access
from tests.support import trees
from tests.support.servers.registry import FakeRegistry, digest_of, running
from tests.support.servers.site import Fault, Site, serving

NOW = datetime(2026, 12, 1, tzinfo=UTC)
INDEX = """apiVersion: v1
entries:
  alpha:
  - created: "2026-11-21T00:00:00Z"
    version: 1.3.0
  - created: "2026-09-02T00:00:00Z"
    version: 1.2.0
"""


def registry_yaml(site: str, host: str) -> str:
    return f"""# yaml-language-server: $schema=../schemas/v1/component-registry.schema.json
apiVersion: clusterbook.dev/v1alpha1
kind: ComponentRegistry
metadata:
  name: registry
components:
  - name: a
    helm:
      defaultRepository: {site}
      defaultChart: x/alpha
      defaultVersion: "1.2.0"
      defaultNamespace: a
  - name: b
    helm:
      defaultRepository: oci://{host}/charts
      defaultChart: beta
      defaultVersion: "v2.0.0"
      defaultNamespace: b
"""


def push(registry: FakeRegistry, version: str, created: str) -> None:
    """Have the registry hold a version of the chart beta."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": f"sha256:{'0' * 64}", "size": 2},
        "layers": [],
        "annotations": {"org.opencontainers.image.created": created, "org.opencontainers.image.version": version},
    }
    data = json.dumps(manifest).encode()
    registry.manifests["charts/beta", digest_of(data)] = (manifest["mediaType"], data)  # type: ignore[assignment]
    registry.tags["charts/beta", version] = digest_of(data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "index.yaml").write_text(INDEX, encoding="utf-8")
    return tmp_path


def sources(tmp_path: Path, site: str, host: str) -> Path:
    """Return a tree whose two components come from these."""
    recipes = tmp_path / "recipes"
    for path, text in trees.texts({"registry.yaml": registry_yaml(site, host), "base": "{}"}).items():
        (recipes / path).parent.mkdir(parents=True, exist_ok=True)
        (recipes / path).write_text(text, encoding="utf-8")
    return recipes


def test_repositories_and_registries_are_asked_once_for_each_pin(folder: Path) -> None:
    registry = FakeRegistry(page=1)
    push(registry, "v2.0.0", "2026-10-02T00:00:00Z")
    push(registry, "v2.1.0", "2026-11-01T00:00:00Z")
    with serving(Site(folder)) as site, running(registry):
        catalog = trees.load({"registry.yaml": registry_yaml(site.address, registry.host), "base": "{}"})
        wanted = pins(catalog)
        found = ask([*wanted, wanted[0]], Access(), NOW)
        assert sum("index.yaml" in each for each in site.asked) == 1
    assert [(each.pin.component, each.state, each.newest, each.behind) for each in found] == [
        ("a", BEHIND, "1.3.0", 1),
        ("b", BEHIND, "v2.1.0", 1),
        ("a", BEHIND, "1.3.0", 1),
    ]
    assert [(each.age_days, each.waiting_days) for each in found[:2]] == [(90, 10), (60, 30)]


def test_what_cannot_be_asked_is_unknown_and_the_rest_is_told(folder: Path) -> None:
    registry = FakeRegistry()
    push(registry, "v2.0.0", "")
    with serving(Site(folder, [Fault("index.yaml", status=404, times=9)])) as site, running(registry):
        catalog = trees.load({"registry.yaml": registry_yaml(site.address, registry.host), "base": "{}"})
        found = ask(pins(catalog), Access(), NOW)
    assert [each.state for each in found] == [UNKNOWN, CURRENT]
    assert found[0].why
    assert found[1].age_days is None


def test_an_index_that_is_no_text_leaves_its_pins_unknown(folder: Path) -> None:
    (folder / "index.yaml").write_bytes(b"\xff\xfe\x00")
    with serving(Site(folder)) as site:
        catalog = trees.load({"registry.yaml": registry_yaml(site.address, "127.0.0.1:1"), "base": "{}"})
        found = ask(pins(catalog)[:1], Access(), NOW)
    assert (found[0].state, "is not UTF-8 text" in found[0].why) == (UNKNOWN, True)


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Fault("index.yaml", status=302, headers={"Location": "/catalog/there/index.yaml"}), BEHIND),
        (Fault("index.yaml", status=302, headers={"Location": "/catalog/index.yaml"}, times=99), UNKNOWN),
        (Fault("index.yaml", status=302, headers={"Location": "file:///etc/passwd"}), UNKNOWN),
        (Fault("index.yaml", status=429, headers={"Retry-After": "1"}, times=99), UNKNOWN),
        (Fault("index.yaml", status=200, headers={"Content-Length": str(1 << 40)}), UNKNOWN),
        (Fault("index.yaml", cut=20, times=99), UNKNOWN),
        (Fault("index.yaml", body=b"", times=99), UNKNOWN),
        (Fault("index.yaml", body=b"<html>log in</html>"), UNKNOWN),
        (Fault("index.yaml", body=b"apiVersion: v1\nentries:\n  alpha:\n  - {}\n"), UNKNOWN),
        (Fault("index.yaml", body=b"apiVersion: v1\nentries:\n  alpha: &a\n  - *a\n"), UNKNOWN),
    ],
    ids=["moved", "loop", "file", "429", "huge", "cut", "empty", "page", "versionless", "alias"],
)
def test_a_repository_that_answers_oddly_is_followed_or_unknown(folder: Path, fault: Fault, state: str) -> None:
    (folder / "there").mkdir()
    (folder / "there/index.yaml").write_text(INDEX, encoding="utf-8")
    registry = FakeRegistry()
    push(registry, "v2.0.0", "")
    with serving(Site(folder, [fault])) as site, running(registry):
        catalog = trees.load({"registry.yaml": registry_yaml(site.address, registry.host), "base": "{}"})
        found = ask(pins(catalog), Access(), NOW)
    assert [each.state for each in found] == [state, CURRENT]
    assert bool(found[0].why) is (state == UNKNOWN)


def test_an_index_that_is_too_large_is_not_read_in_part(folder: Path) -> None:
    whole = INDEX.encode() + b"# more\n" * (LARGEST_INDEX_BYTES // 7)
    with serving(Site(folder, [Fault("index.yaml", body=whole)])) as site:
        catalog = trees.load({"registry.yaml": registry_yaml(site.address, "127.0.0.1:1"), "base": "{}"})
        found = ask(pins(catalog)[:1], Access(), NOW)
    assert (found[0].state, "is larger than 64 MiB" in found[0].why) == (UNKNOWN, True)


def test_the_command_tells_writes_and_bumps(tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    registry = FakeRegistry()
    with serving(Site(folder)) as site, running(registry):
        recipes = sources(tmp_path, site.address, registry.host)
        words = ["freshness", "--recipes", str(recipes)]
        assert build_main.run(words) == 10
        out, err = capsys.readouterr()
        assert out.splitlines()[1].split() == ["a", "1.2.0", "1.3.0", "1", *out.splitlines()[1].split()[4:]]
        assert "not known: b v2.0.0" in err

        report = tmp_path / "report.json"
        assert build_main.run([*words, "-t", "json", "-o", str(report)]) == 10
        said = json.loads(report.read_text(encoding="utf-8"))
        assert (said["pins"], said["behind"], said["unknown"]) == (2, 1, 1)
        assert said["components"][0]["newest"] == "1.3.0"
        assert said["components"][0]["place"].startswith(f"{recipes}/registry.yaml:")

        before = (recipes / "registry.yaml").read_text(encoding="utf-8")
        assert build_main.run([*words, "a", "--bump"]) == 0
        after = (recipes / "registry.yaml").read_text(encoding="utf-8")
        assert after == before.replace('"1.2.0"', '"1.3.0"')
        assert build_main.run([*words, "a"]) == 0


def test_a_bump_needs_a_component_that_is_pinned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipes = sources(tmp_path, "https://charts.test", "charts.test")
    assert build_main.run(["freshness", "--recipes", str(recipes), "--bump"]) == 2
    assert "CB101" in capsys.readouterr().err
    assert build_main.run(["freshness", "--recipes", str(recipes), "alpha"]) == 3
    assert "CB102" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "what"), [(None, "does not exist"), ("none", "holds no certificates")])
def test_authorities_that_cannot_be_read_are_a_wrong_flag_and_no_silent_repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, what: str
) -> None:
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text)
    recipes = sources(tmp_path, "https://charts.test", "charts.test")
    assert build_main.run(["freshness", "--recipes", str(recipes), "--ca-file", str(file)]) in (2, 3)
    assert what in capsys.readouterr().err
