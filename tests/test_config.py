"""The configuration file."""

from pathlib import Path

import pytest

from vcnd.config_reading import ConfigError, load
from vcnd.config_text import render
from vcnd.core.replay import KEEP_RELEASES_SECONDS
from vcnd.model.request import NamespacePolicy

GOOD = '[oci]\nsubnet_id = "ocid1.subnet.x"\n'


def test_defaults_and_effective_values(tmp_path: Path) -> None:
    path = tmp_path / "vcnd.toml"
    path.write_text(GOOD + "[pool]\nbatch = 3\n")
    config = load(path)
    assert config.pool_policy().batch == 3
    path.write_text(render(config))
    assert load(path) == config


def test_the_journal_keeps_releases_for_the_longest_cooldown(tmp_path: Path) -> None:
    """I3: what compaction drops, the next life of the daemon does not let rest."""
    path = tmp_path / "vcnd.toml"
    longest = int(KEEP_RELEASES_SECONDS)
    path.write_text(f"{GOOD}[pool]\ncooling_seconds = {longest}\n")
    assert load(path).pool.cooling_seconds == longest
    path.write_text(f"{GOOD}[pool]\ncooling_seconds = {longest + 1}\n")
    with pytest.raises(ConfigError):
        load(path)


def test_allow_sections_become_policies(tmp_path: Path) -> None:
    path = tmp_path / "vcnd.toml"
    path.write_text(
        GOOD
        + '[[allow]]\nnamespace = "shop"\nnsg_ids = ["a"]\nfixed_addresses = true\n'
        + '[[allow]]\nnamespace = "*"\nsubnet_ids = ["b"]\n'
    )
    config = load(path)
    shop, every = config.namespace_policies()
    assert shop == NamespacePolicy(
        namespace="shop", nsg_ids=frozenset("a"), fixed_addresses=True
    )
    assert every == NamespacePolicy(namespace="*", subnet_ids=frozenset("b"))
    path.write_text(render(config))
    assert load(path) == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + "ip_families = []\n", "ip_families is empty"),
        (GOOD + 'ip_families = ["IPv5"]\n', "Invalid enum value 'IPv5'"),
        (GOOD + "[[allow]]\nnsg_ids = []\n", "missing required field `namespace`"),
        ("[oci]\nsubnet = 1\n", "unknown field `subnet` - at `$.oci`"),
        ("[nonsense]\n", "unknown field `nonsense`"),
        (
            GOOD + "[pool]\nbatch = 'x'\n",
            "Expected `int`, got `str` - at `$.pool.batch`",
        ),
        (GOOD + "[pool]\nbatch = 0\n", ">= 1 - at `$.pool.batch`"),
        (GOOD + "[cni]\npatience_seconds = 60.0\n", "<= 45"),
        (GOOD + "[pool]\ncooling_seconds = 3601\n", "<= 3600"),
        (GOOD + "[log]\nlevel = 'loud'\n", "'loud' - at `$.log.level`"),
        *[
            (f"{GOOD}[node]\n{key} = {value}\n", f"$.node.{key}")
            for key in ("pods_table", "pods_priority", "mtu", "outside_mtu")
            for value in ("-1", str(1 << 32), "9" * 30)
        ],
        *[
            (f"{GOOD}[pool]\n{key} = {value}\n", f"$.pool.{key}")
            for key in ("audit_seconds", "cooling_seconds", "buffer_fraction")
            for value in ("-1", "inf", "nan", "1e300")
        ],
        (GOOD + "[node]\nmtu = 900\n", "[node] mtu 900 is less than IPv6 takes"),
        (GOOD + "[node]\npods_table = 254\n", "must leave out 253 to 255"),
        (GOOD + "[node]\npods_table = 200\n", "VNICs' tables up to 327 must leave"),
        (GOOD + f"[node]\npods_table = {(1 << 32) - 1}\n", "256 and more does"),
        (GOOD + "[node]\nmark_mask = 0xffff\n", "up to 32867 must leave out"),
        (
            GOOD + "[node]\npods_priority = 1009\n",
            "[node] mark_priority must be greater than pods_priority, by two",
        ),
        (GOOD + "[node]\nlocal_priority = 1030\n", "closed_priority must be"),
        (GOOD + "[oci.x]\n", "unknown field `x`"),
        (GOOD + 'profile = "a\\nb"\n', "[oci] profile has a control character: 'a"),
        (GOOD + 'nsg_ids = ["a", "\\u0000"]\n', "[oci] nsg_ids has a control"),
        (GOOD + '[[allow]]\nnamespace = "a\\tb"\n', "[allow] namespace has a control"),
        (GOOD + '[cni]\nsocket = ""\n', "length >= 1 - at `$.cni.socket`"),
        (GOOD + 'nsg_ids = ["1","2","3","4","5","6"]\n', "length <= 5"),
        ("[oci\n", "line 1"),
        pytest.param("a = " + "[" * 5000, "recursion", id="too deep"),
        ("", "subnet_id is required"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "vcnd.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "nothing")


@pytest.mark.parametrize("mask", [0, 0x7F, 0x1FE00FF, 0x1FF00000000])
def test_a_mark_mask_that_cannot_be_used_is_refused(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "vcnd.toml"
    path.write_text(f"{GOOD}[node]\nmark_mask = {mask}\n")
    with pytest.raises(ConfigError, match="mark_mask"):
        load(path)
    path.write_text(f"{GOOD}[node]\nmark_mask = {0xFF0000}\n")
    assert load(path).layout().mark_mask == 0xFF0000


@pytest.mark.parametrize(
    ("mask", "kubeconfig", "words"),
    [
        (0xFF0000, "/k", "0xffff00, which [policy] needs"),
        (0xFF, "", "[policy] enforcement needs [kubernetes] kubeconfig or"),
    ],
)
def test_what_policies_need_is_asked_for_where_they_are_on(
    tmp_path: Path, mask: int, kubeconfig: str, words: str
) -> None:
    path = tmp_path / "vcnd.toml"
    text = (
        f'{GOOD}[node]\nmark_mask = {mask}\n[kubernetes]\nkubeconfig = "{kubeconfig}"'
        '\nnode_name = "n"\n[policy]\nenforcement = "%s"\n'
    )
    path.write_text(text % "strict")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert words in str(caught.value)
    path.write_text(text % "off")
    assert load(path).policy.enforcement == "off"


@pytest.mark.parametrize("section", ["node", "policy"])
def test_metrics_need_an_address_with_a_port(tmp_path: Path, section: str) -> None:
    path = tmp_path / "vcnd.toml"
    path.write_text(f'{GOOD}[{section}]\nmetrics = "9465"\n')
    with pytest.raises(ConfigError, match=rf"\[{section}\] metrics: '9465' has no"):
        load(path)
    path.write_text(f'{GOOD}[{section}]\nmetrics = "[::1]:9465"\n')
    assert getattr(load(path), section).metrics == "[::1]:9465"


def test_the_file_names_the_policy_kubeconfig_before_the_environment(
    tmp_path: Path,
) -> None:
    path = tmp_path / "vcnd.toml"
    path.write_text('[oci]\nsubnet_id = "s"\n')
    assert load(path, "n", "theirs").policy.kubeconfig == "theirs"
    path.write_text('[oci]\nsubnet_id = "s"\n[policy]\nkubeconfig = "mine"\n')
    assert load(path, "n", "theirs").policy.kubeconfig == "mine"


@pytest.mark.parametrize("network", ["10.0.0.1/8", "fd00::/8", "office", "10.0.0.0/33"])
def test_exempt_networks_are_ipv4_networks(tmp_path: Path, network: str) -> None:
    path = tmp_path / "vcnd.toml"
    path.write_text(f'{GOOD}[node]\nsnat_exempt = ["172.16.0.0/12", "{network}"]\n')
    with pytest.raises(ConfigError, match="snat_exempt"):
        load(path)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("outside_mtu = 1279", "outside_mtu"),
        ("outside_mtu = 65536", "outside_mtu"),
        ('outside_mtu_exempt = ["10.0.0.1/8"]', "outside_mtu_exempt"),
        ('outside_mtu_exempt = ["fd00::/8", "office"]', "outside_mtu_exempt"),
    ],
)
def test_mtus_that_make_no_sense_are_refused(
    tmp_path: Path, line: str, name: str
) -> None:
    path = tmp_path / "vcnd.toml"
    path.write_text(f"{GOOD}[node]\n{line}\n")
    with pytest.raises(ConfigError, match=name):
        load(path)
