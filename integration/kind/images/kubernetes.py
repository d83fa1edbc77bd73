"""Images of Kubernetes' own programs, and of those that tests run in pods."""

import shutil
import subprocess
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from integration.build import c, components
from integration.build.archive import Image, write
from integration.build.cache import Cache, key_of
from integration.build.components import Program, build

REGISTRY = "registry.k8s.io"
ETCD_TAG, COREDNS_TAG, PAUSE_TAG = "3.6.5-0", "v1.12.1", "3.10.1"
"""The tags that kubeadm of this version expects."""
AGNHOST = f"{REGISTRY}/e2e-test-images/agnhost:2.56"
JESSIE = f"{REGISTRY}/e2e-test-images/jessie-dnsutils:1.7"
BUSYBOX = f"{REGISTRY}/e2e-test-images/busybox:1.37.0-1"
PAUSE_SOURCE = Path(__file__).with_name("pause.c")
PAUSE_FLAGS = (
    *("-Os", "-ffreestanding", "-nostdlib", "-static", "-s"),
    *("-fno-pie", "-no-pie"),
)
LIBRARIES = "usr/lib/x86_64-linux-gnu"
LOADER = "ld-linux-x86-64.so.2"
TOOLS = (
    *("usr/bin/bash", "usr/bin/getent", "usr/bin/dig", "usr/bin/nslookup"),
    *("usr/bin/host", "usr/bin/curl", "usr/bin/nc.openbsd", "usr/bin/iperf"),
    *("bin/ip", "bin/ping", "bin/ss"),
)
"""Programs that the end-to-end tests expect in agnhost, in addition to busybox's."""


def kubernetes(cache: Cache, rootfs: Path) -> list[Path]:
    """Return the archives of all images that a node has from the start."""
    version = components.KUBERNETES
    made = [
        _of_program(cache, p, f"{REGISTRY}/{p.name}:{version}")
        for p in components.CONTROL_PLANE
    ]
    made += [
        _of_program(cache, components.ETCD, f"{REGISTRY}/etcd:{ETCD_TAG}"),
        _of_program(
            cache,
            components.COREDNS,
            f"{REGISTRY}/coredns/coredns:{COREDNS_TAG}",
            path="/coredns",
        ),
        with_iptables(
            cache,
            rootfs,
            components.PROXY,
            f"{REGISTRY}/kube-proxy:{version}",
            "/usr/local/bin/kube-proxy",
        ),
        _pause(cache),
        *_for_tests(cache, rootfs),
    ]
    return made


def archive(
    cache: Cache, name: str, key: str, image_of: Callable[[Path], Image]
) -> Path:
    """Return an image's archive; ``image_of`` gets a scratch folder."""

    def make(folder: Path) -> None:
        scratch = folder / "scratch"
        scratch.mkdir()
        write(image_of(scratch), folder / "image.tar")
        shutil.rmtree(scratch)

    return cache.artifact(f"image-{name}", key, make) / "image.tar"


def _of_program(cache: Cache, program: Program, name: str, path: str = "") -> Path:
    binary = build(cache, program)
    path = path or f"/usr/local/bin/{program.name}"

    def image(_scratch: Path) -> Image:
        return Image(
            name=name,
            layers=[{path: binary, "/tmp": None}],  # noqa: S108
            entrypoint=[path],
        )

    return archive(cache, program.name, key_of(name, path, str(binary)), image)


def _pause(cache: Cache) -> Path:
    name = f"{REGISTRY}/pause:{PAUSE_TAG}"
    binary = c.compiled(cache, PAUSE_SOURCE, *PAUSE_FLAGS)

    def image(_scratch: Path) -> Image:
        return Image(name=name, layers=[{"/pause": binary}], entrypoint=["/pause"])

    return archive(cache, "pause", key_of(name, binary.parent.name), image)


def _libraries(rootfs: Path, programs: Iterable[str]) -> set[str]:
    """Return the shared objects that programs of a root file system need."""
    done = subprocess.run(
        ["/usr/sbin/chroot", str(rootfs), "ldd", *(f"/{p}" for p in programs)],
        capture_output=True,
        text=True,
        check=False,  # ldd fails on static ones, which need none
    )
    words = done.stdout.split()
    return {w for w in words if w.startswith("/") and ".so" in w and ":" not in w}


def _take(rootfs: Path, programs: Iterable[str], into: Path) -> None:
    """Copy programs out of a root file system, with their shared objects."""
    named = list(programs)
    for program in named:
        target = into / "usr" / program.removeprefix("usr/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(rootfs / program, target)
    libraries = into / LIBRARIES
    libraries.mkdir(parents=True, exist_ok=True)
    for library in sorted(_libraries(rootfs, named)):
        shutil.copy2(rootfs / library.lstrip("/"), libraries)
    (into / "lib64").mkdir(exist_ok=True)
    shutil.copy2(rootfs / "lib64" / LOADER, into / "lib64")


def with_iptables(
    cache: Cache, rootfs: Path, program: Program, name: str, path: str
) -> Path:
    """Return the archive of the image of a program that runs nft and iptables.

    Args:
        cache: has the program, and takes the archive.
        rootfs: root file system that has nft and iptables.
        program: the image's program.
        name: the image's name, with its tag.
        path: where the program is in the image.
    """
    binary = build(cache, program)
    extensions = sorted(
        str(p.relative_to(rootfs)) for p in (rootfs / LIBRARIES / "xtables").glob("*")
    )

    def image(scratch: Path) -> Image:
        # The extensions too: libxt_statistic needs libm, and without it Services
        # with several endpoints do not work.
        _take(rootfs, ["usr/sbin/nft", "usr/sbin/xtables-nft-multi"], scratch)
        _take(rootfs, extensions, scratch)
        tables = ("iptables", "ip6tables")
        names = [f"{t}{s}" for t in tables for s in ("", "-save", "-restore")]
        links = {f"/usr/sbin/{n}": "xtables-nft-multi" for n in names}
        links |= {"/sbin": "usr/sbin", "/bin": "usr/bin", "/lib": "usr/lib"}
        layer = {"/": scratch, path: binary, "/run": None, "/tmp": None, "/etc": None}  # noqa: S108
        return Image(name=name, layers=[layer], links=links, entrypoint=[path])

    key = key_of(name, path, binary.parent.name, rootfs.name)
    return archive(cache, program.name, key, image)


def _write_certificate(folder: Path) -> None:
    """Write the certificate of agnhost's TLS server; clients do not verify it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2126, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "localhost.crt").write_bytes(certificate.public_bytes(pem))
    (folder / "localhost.key").write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def lay_tools(rootfs: Path, scratch: Path) -> None:
    """Lay the root file system of busybox' image into an empty folder."""
    busybox = scratch / "usr/bin/busybox"
    busybox.parent.mkdir(parents=True)
    _take(rootfs, ["usr/bin/busybox"], scratch)
    listed = subprocess.run(
        ["/usr/sbin/chroot", str(rootfs), "busybox", "--list"],
        capture_output=True,
        text=True,
        check=True,
    )
    for applet in listed.stdout.split():
        if applet != "busybox":
            (scratch / "usr/bin" / applet).symlink_to("busybox")
    etc = scratch / "etc"
    etc.mkdir()
    (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (etc / "group").write_text("root:x:0:\n")
    (etc / "nsswitch.conf").write_text("hosts: files dns\n")
    for name in ("root", "home", "proc", "sys", "dev", "run", "var", "uploads"):
        (scratch / name).mkdir()
    (scratch / "tmp").mkdir(mode=0o1777)
    for name in ("bin", "sbin", "lib"):
        target = "usr/bin" if name != "lib" else "usr/lib"
        (scratch / name).symlink_to(target)


def lay_agnhost(rootfs: Path, scratch: Path) -> None:
    """Lay agnhost's root file system, without agnhost, into an empty folder."""
    lay_tools(rootfs, scratch)
    for tool in (*TOOLS, "usr/bin/bash"):
        (scratch / "usr/bin" / Path(tool).name).unlink(missing_ok=True)
    _take(rootfs, TOOLS, scratch)
    for applet, target in (("sh", "bash"), ("nc", "nc.openbsd")):
        link = scratch / "usr/bin" / applet
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    for library in ("libnss_files.so.2", "libnss_dns.so.2"):
        shutil.copy2(rootfs / LIBRARIES / library, scratch / LIBRARIES)
    (scratch / "agnhost-2").symlink_to("agnhost")
    _write_certificate(scratch)


def agnhost_key(cache: Cache, rootfs: Path) -> str:
    """Return a hash of what an image of agnhost is made of."""
    agnhost = build(cache, components.AGNHOST)
    return key_of(agnhost.parent.name, rootfs.name, TOOLS, "with a certificate")


def _for_tests(cache: Cache, rootfs: Path) -> list[Path]:
    agnhost = build(cache, components.AGNHOST)

    def busybox_image(scratch: Path) -> Image:
        lay_tools(rootfs, scratch)
        return Image(name=BUSYBOX, layers=[{"/": scratch}], command=["sh"])

    def agnhost_image(name: str) -> Callable[[Path], Image]:
        def image(scratch: Path) -> Image:
            lay_agnhost(rootfs, scratch)
            layer = {"/": scratch, "/agnhost": agnhost}
            return Image(
                name=name, layers=[layer], entrypoint=["/agnhost"], command=["pause"]
            )

        return image

    key = agnhost_key(cache, rootfs)
    return [
        archive(cache, "busybox", key_of(rootfs.name, BUSYBOX), busybox_image),
        archive(cache, "agnhost", key, agnhost_image(AGNHOST)),
        archive(cache, "jessie-dnsutils", key, agnhost_image(JESSIE)),
    ]
