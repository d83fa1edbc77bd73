"""A release is signed with a temporary key; what is changed after that is refused."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.build.command import BuildError
from integration.release import build, provenance, signing, sums
from integration.release.provenance import Origin, statement, text_of
from integration.release.source import Commit
from integration.release.sums import ReleaseError

SIGNER = "releases@example.org"
WHEEL = "vcnd-1.0-py3-none-any.whl"
ORIGIN = Origin(commit=Commit("c" * 40, 0), locks={})


def key_in(folder: Path, name: str) -> Path:
    path = folder / name
    command = ["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True)
    return path


def signers_of(*keys: Path) -> str:
    lines = (
        f'{SIGNER} namespaces="{signing.NAMESPACE}" '
        f"{key.with_suffix('.pub').read_text()}"
        for key in keys
    )
    return "".join(lines)


def list_files(folder: Path) -> None:
    (folder / sums.NAME).write_text(sums.text_of(sums.digests(folder)))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    (folder / "signers").write_text(signers_of(key_in(folder, "ours")))
    key_in(folder, "stranger")
    return folder


@pytest.fixture
def release(tmp_path: Path, keys: Path) -> Path:
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / WHEEL).write_bytes(b"wheel")
    (folder / "vcnd-1.0.tar.gz").write_bytes(b"archive")
    made = text_of(statement(ORIGIN, sums.digests(folder)))
    (folder / provenance.NAME).write_text(made)
    list_files(folder)
    signing.sign(folder / sums.NAME, keys / "ours")
    return folder


def test_signed_release_is_accepted(release: Path, keys: Path) -> None:
    assert build.verify(release, keys / "signers") == (SIGNER, 3)


def _flip(name: str) -> Callable[[Path], None]:
    def change(release: Path) -> None:
        content = bytearray((release / name).read_bytes())
        content[len(content) // 2] ^= 1
        (release / name).write_bytes(content)

    return change


def _other_statement(release: Path) -> None:
    other = sums.digests(release) | {WHEEL: "0" * 64}
    del other[provenance.NAME]
    (release / provenance.NAME).write_text(text_of(statement(ORIGIN, other)))


CHANGES: dict[str, Callable[[Path], None]] = {
    "a file": _flip(WHEEL),
    "the provenance": _flip(provenance.NAME),
    "the list": _flip(sums.NAME),
    "the signature": _flip(sums.SIGNATURE),
    "no signature": lambda release: (release / sums.SIGNATURE).unlink(),
    "no list": lambda release: (release / sums.NAME).unlink(),
    "a file less": lambda release: (release / WHEEL).unlink(),
    "a file more": lambda release: (release / "SHA256SUMS.more").touch(),
}


@pytest.mark.parametrize("what", CHANGES)
def test_changed_release_is_refused(release: Path, keys: Path, what: str) -> None:
    CHANGES[what](release)
    with pytest.raises(ReleaseError):
        build.verify(release, keys / "signers")


def test_changed_file_is_named(release: Path, keys: Path) -> None:
    _flip(WHEEL)(release)
    with pytest.raises(ReleaseError, match=f"{WHEEL} has other content"):
        build.verify(release, keys / "signers")


def test_key_of_a_stranger_does_not_count(release: Path, keys: Path) -> None:
    signing.sign(release / sums.NAME, keys / "stranger")
    with pytest.raises(ReleaseError, match="not signed by a known key"):
        build.verify(release, keys / "signers")


def test_signature_for_another_purpose_does_not_count(
    release: Path, keys: Path, tmp_path: Path
) -> None:
    signers = tmp_path / "signers"
    text = (keys / "signers").read_text()
    signers.write_text(text.replace(signing.NAMESPACE, "git"))
    with pytest.raises(ReleaseError):
        build.verify(release, signers)


def test_provenance_must_be_about_these_files(release: Path, keys: Path) -> None:
    _other_statement(release)
    list_files(release)
    signing.sign(release / sums.NAME, keys / "ours")
    with pytest.raises(ReleaseError, match=f"{provenance.NAME}: {WHEEL}"):
        build.verify(release, keys / "signers")


def test_release_without_provenance_is_refused(release: Path, keys: Path) -> None:
    (release / provenance.NAME).unlink()
    list_files(release)
    signing.sign(release / sums.NAME, keys / "ours")
    with pytest.raises(ReleaseError, match=f"{provenance.NAME}: .* is not listed"):
        build.verify(release, keys / "signers")


def test_file_that_is_no_key_signs_nothing(release: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("no key")
    with pytest.raises(BuildError, match="does not sign"):
        signing.sign(release / sums.NAME, tmp_path / "key")


def test_tag_of_another_version_is_refused() -> None:
    with pytest.raises(BuildError, match=r"v9\.9\.9 is not the package's version"):
        build.refuse_other_version("v9.9.9")
