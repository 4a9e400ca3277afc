"""Make a small image from this host's own files, for podman: a shell, the usual programs, this Python and pytest.

No registry is needed, so that anybody can try the `container` sandbox. Usage: python scripts/make_image.py [NAME]
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

from coding_agent.sandbox import places

NAME = "localhost/coding-agent-minimal"
PROGRAMS = (
    "sh", "awk", "basename", "bash", "cat", "chmod", "cmp", "cp", "cut", "date", "dd", "diff", "dirname", "du", "echo", "env",
    "expr", "false", "find", "getconf", "git", "grep", "head", "id", "kill", "ln", "ls", "md5sum", "mkdir", "mkfifo", "mknod",
    "mktemp", "mv", "nice", "nl", "nohup", "nproc", "od", "patch", "printf", "ps", "pwd", "readlink", "realpath", "rm", "rmdir",
    "sed", "seq", "setsid", "sha256sum", "sleep", "sort", "stat", "stty", "sync", "tail", "tar", "tee", "test", "timeout",
    "touch", "tr", "true", "truncate", "uname", "uniq", "wc", "which", "xargs", "yes",
)  # fmt: skip
LEFT_OUT = {"site-packages", "dist-packages", "test", "idlelib", "tkinter", "turtledemo", "ensurepip"}
HOME = Path("/opt/python")


def contents() -> Iterator[tuple[str, Path]]:
    """(path in the image, file of this host), libraries apart."""
    for name in PROGRAMS:
        found = shutil.which(name, path="/usr/bin:/bin")
        if found is not None:
            yield f"usr/bin/{name}", Path(found).resolve()
    python = places.python()
    yield f"opt/python/bin/{python.executable.name}", python.executable
    library = Path(sysconfig.get_path("stdlib"))
    for file in files_below(library):
        yield f"opt/python/{python.library}/{file.relative_to(library)}", file
    for name, place in places.test_packages().items():
        for file in files_below(place) if place.is_dir() else [place]:
            inside = Path(name) if file == place else Path(name, file.relative_to(place))
            yield str(packages().relative_to("/") / inside), file


def files_below(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name in LEFT_OUT or entry.name.startswith("config-"):
            continue
        if entry.is_dir():
            yield from files_below(entry)
        elif entry.is_file():
            yield entry


def packages() -> Path:
    """Where an interpreter that was moved to HOME looks for packages; Debian's has a place of its own."""
    scheme = "posix_local" if "posix_local" in sysconfig.get_scheme_names() else "posix_prefix"
    return Path(sysconfig.get_path("purelib", scheme, vars={"base": str(HOME)}))


def libraries(programs: list[Path]) -> dict[str, Path]:
    """Path in the image → what these programs and modules are linked with."""
    listing = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    words = {word for line in listing.splitlines() if not line.endswith(":") for word in line.split()}
    found = [Path(word) for word in sorted(words) if word.startswith("/")]
    system = next(path.parent.resolve() for path in found if path.name.startswith("libc."))
    inside = {}
    for path in found:
        # What lies elsewhere is found here through a search path of its own, which means nothing in the image.
        folder = path.parent.resolve() if path.parts[1] in {"usr", "lib", "lib32", "lib64"} else system
        inside[str((folder / path.name).relative_to("/"))] = path
    # Nothing is linked with it: the C library opens it when a thread ends.
    return inside | {str(path.relative_to("/")): path for path in system.glob("libgcc_s.so.1")}


def write_image(archive: tarfile.TarFile) -> None:
    for name in ("dev", "etc", "opt/bin", "proc", "run", "sys", "tmp", "usr/bin", "usr/sbin", "workspace"):
        add_special(archive, name, tarfile.DIRTYPE)
    for name in ("bin", "sbin", "lib", "lib64"):
        place = Path("/", name)
        if place.is_symlink():
            add_special(archive, name, tarfile.SYMTYPE, str(place.readlink()))
    for name in ("python", "python3"):
        add_special(archive, f"opt/bin/{name}", tarfile.SYMTYPE, str(HOME / "bin" / places.python().executable.name))
    chosen = dict(contents())
    linked = [file for file in chosen.values() if file.open("rb").read(4) == b"\x7fELF"]
    for inside, file in {**chosen, **libraries(linked)}.items():
        member = archive.gettarinfo(str(file.resolve()), inside)
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode |= 0o444
        with file.open("rb") as content:
            archive.addfile(member, content)


def add_special(archive: tarfile.TarFile, name: str, kind: bytes, target: str = "") -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, target, 0o755
    archive.addfile(member, io.BytesIO())


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else NAME
    podman = shutil.which("podman")
    if podman is None:
        sys.exit("there is no podman here: install it (Debian, Ubuntu, Fedora: the package `podman`)")
    with subprocess.Popen([podman, "import", "--quiet", "-", name], stdin=subprocess.PIPE) as importing:
        assert importing.stdin is not None
        with tarfile.open(fileobj=importing.stdin, mode="w|", dereference=True) as archive:
            write_image(archive)
        importing.stdin.close()
    if importing.returncode != 0:
        sys.exit(f"podman import ended with {importing.returncode}")
    print(f"made {name}; try it: coding-agent doctor --sandbox container:{name}")


if __name__ == "__main__":
    main()
