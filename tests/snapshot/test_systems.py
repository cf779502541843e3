"""Operating systems: one node has one system, whoever was asked."""

from __future__ import annotations

import pytest

from clusterbook.snapshot.systems import System, normalise_release, system_of_image


@pytest.mark.parametrize(
    ("image", "release", "expected"),
    [
        (
            "Red Hat Enterprise Linux CoreOS 418.94.202510211307-0",
            {"ID": "rhcos", "VERSION_ID": "4.18", "RHEL_VERSION": "9.4"},
            System("rhel", "9.4"),
        ),
        (
            "Red Hat Enterprise Linux CoreOS 9.6.20250826-1 (Plow)",
            {"ID": "rhel", "VERSION_ID": "9.6"},
            System("rhel", "9.6"),
        ),
        ("Red Hat Enterprise Linux 9.4 (Plow)", {"ID": "rhel", "VERSION_ID": "9.4"}, System("rhel", "9.4")),
        ("Amazon Linux 2023.8.20250915", {"ID": "amzn", "VERSION_ID": "2023"}, System("amzn", "2023")),
        ("Amazon Linux 2", {"ID": "amzn", "VERSION_ID": "2"}, System("amzn", "2")),
        ("Oracle Linux Server 8.10", {"ID": "ol", "VERSION_ID": "8.10"}, System("ol", "8.10")),
        ("Microsoft Azure Linux 3.0", {"ID": "azurelinux", "VERSION_ID": "3.0"}, System("azurelinux", "3.0")),
        ("CBL-Mariner/Linux", {"ID": "mariner"}, System("mariner", "")),
        ("SUSE Linux Enterprise Server 15 SP6", {"ID": "sles", "VERSION_ID": "15.6"}, System("sles", "15.6")),
        ("Ubuntu Core 24", {"ID": "ubuntu-core", "VERSION_ID": "24"}, System("ubuntu-core", "24")),
        ("openSUSE MicroOS", {"ID": "opensuse-microos"}, System("opensuse-microos", "")),
        ("SUSE Linux Micro 6.1", {"ID": "sl-micro", "VERSION_ID": "6.1"}, System("sl-micro", "6.1")),
        ("Alibaba Cloud Linux 3.2104 U11", {"ID": "alinux", "VERSION_ID": "3.2104"}, System("alinux", "3.2104")),
        ("AlmaLinux 9.5 (Teal Serval)", {"ID": "almalinux", "VERSION_ID": "9.5"}, System("almalinux", "9.5")),
        ("Rocky Linux 9.4 (Blue Onyx)", {"ID": "rocky", "VERSION_ID": "9.4"}, System("rocky", "9.4")),
        ("TencentOS Server 3.2", {"ID": "tencentos", "VERSION_ID": "3.2"}, System("tencentos", "3.2")),
        ("Debian GNU/Linux 12 (bookworm)", {"ID": "debian", "VERSION_ID": "12"}, System("debian", "12")),
        ("Ubuntu 24.04.3 LTS", {"ID": "ubuntu", "VERSION_ID": "24.04"}, System("ubuntu", "24.04")),
        ("Talos (v1.10.4)", {"ID": "talos", "VERSION_ID": "v1.10.4"}, System("talos", "1.10.4")),
        ("Container-Optimized OS from Google", {"ID": "cos"}, System("cos", "")),
        ("Bottlerocket OS 1.44.0 (aws-k8s-1.33)", {"ID": "bottlerocket", "VERSION_ID": "1.44.0"},
         System("bottlerocket", "1.44.0")),
    ],
)  # fmt: skip
def test_kubelet_and_os_release_name_one_system(image: str, release: dict[str, str], expected: System) -> None:
    one = normalise_release(release)
    assert system_of_image(image) == expected
    assert System(one["ID"], one.get("VERSION_ID", "")) == expected


def test_the_version_of_openshift_is_none_of_rhel() -> None:
    assert normalise_release({"ID": "rhcos", "VERSION_ID": "4.18", "NAME": "CoreOS"}) == {
        "ID": "rhel",
        "NAME": "CoreOS",
    }


@pytest.mark.parametrize("image", ["", "  ", "123", "\x00\xff", "Linux"])
def test_an_image_of_any_text_is_no_trouble(image: str) -> None:
    assert isinstance(system_of_image(image), System)


def test_windows_is_a_system_that_no_recipe_is_for() -> None:
    assert system_of_image("Windows Server 2022 Datacenter").criterion == ""
