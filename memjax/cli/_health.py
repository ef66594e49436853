"""What memjax needs and can use, and whether it is there: plain data, as `memjax doctor --json` prints it."""

import importlib.metadata
import os
import pathlib
import platform
import shlex
import shutil
import sys
from typing import Any

# Extras for those who change memjax; users need none of them.
_DEVELOPERS = ("test", "dev", "docs", "peers")
# Programs that something in memjax can use.
_PROGRAMS = {"ngspice": "apt-get install ngspice"}


def examine() -> dict[str, Any]:
    """Everything; keys as in docs/command-line.md."""
    packages, missing = _packages()
    devices = _devices()
    data = _data()
    programs = [{"name": name, "path": shutil.which(name)} for name in _PROGRAMS]
    missing += devices.pop("missing") + [one.pop("missing") for one in data if "missing" in one]
    missing += [
        _missing(f"{one['name']}, which runs the netlists of `memjax spice`", _PROGRAMS[one["name"]])
        for one in programs
        if one["path"] is None
    ]
    return {
        "memjax": importlib.metadata.version("memjax"),
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "platform": platform.platform(),
        "packages": packages,
        "devices": devices,
        "data": data,
        "caches": _caches(),
        "programs": programs,
        "missing": missing,
        "ok": not any(one["essential"] for one in missing),
    }


def _missing(what: str, mend: str, essential: bool = False) -> dict[str, Any]:
    return {"what": what, "mend": mend, "essential": essential}


def _install(*requirements: str) -> str:
    return shlex.join([sys.executable, "-m", "pip", "install", *requirements])


def _packages() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What memjax's metadata ask for, and what of it is absent or of another version: by itself, and by extra."""
    from packaging.requirements import Requirement

    about = importlib.metadata.metadata("memjax")
    wanted = [Requirement(line) for line in importlib.metadata.requires("memjax") or []]
    packages, missing = [], []
    for extra in (None, *(name for name in about.get_all("Provides-Extra") or [] if name not in _DEVELOPERS)):
        own = [one for one in wanted if _belongs(one, extra)]
        found = [_package(one, extra) for one in own]
        lacking = [_plain(one) for one, each in zip(own, found, strict=True) if not each["ok"]]
        packages += found
        if lacking and extra is None:
            missing.append(_missing(f"memjax needs {', '.join(lacking)}", _install(*lacking), essential=True))
        elif lacking:
            missing.append(_missing(f"the extra {extra!r} needs {', '.join(lacking)}", _install(*lacking)))
    return packages, missing


def _belongs(requirement: Any, extra: str | None) -> bool:
    """Whether a requirement is one of an extra on this machine, or one of memjax itself."""
    marker = requirement.marker
    if extra is None:
        return marker is None or marker.evaluate({"extra": ""})
    return marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})


def _plain(requirement: Any) -> str:
    """As pip takes it, without the marker."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier}"


def _package(requirement: Any, extra: str | None) -> dict[str, Any]:
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        version = None
    ok = version is not None and requirement.specifier.contains(version, prereleases=True)
    about = {"name": requirement.name, "version": version, "wanted": str(requirement.specifier)}
    return about | {"extra": extra, "ok": ok}


def _devices() -> dict[str, Any]:
    """The devices that JAX computes on, after it has computed something."""
    import jax

    try:
        found, backend = jax.devices(), jax.default_backend()
        float(jax.numpy.ones(2).sum())
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        broken = _missing(f"JAX cannot compute ({reason})", _install("--force-reinstall", "jax", "jaxlib"), True)
        return {"backend": None, "kinds": [], "missing": [broken]}
    idle = backend == "cpu" and pathlib.Path("/dev/nvidia0").exists() and "JAX_PLATFORMS" not in os.environ
    driver = [_missing("JAX does not use the GPU of this machine", _install("jax[cuda13]"))] if idle else []
    return {"backend": backend, "kinds": [device.device_kind for device in found], "missing": driver}


def _data() -> list[dict[str, Any]]:
    """The data sets of `memjax.data`, and where each is."""
    from memjax import data

    found = []
    for name in data.NAMES:
        try:
            found.append({"name": name, "folder": str(data.locate(name))})
        except (ImportError, OSError) as error:  # both messages end with the command
            what, _, mend = str(error).rpartition(": ")
            what = what.removesuffix("; prepare it with")
            found.append({"name": name, "folder": None, "missing": _missing(what, mend)})
    return found


def _caches() -> list[dict[str, Any]]:
    """What memjax and JAX keep between runs, and how much that is."""
    import jax

    from memjax.cli import _compiling, _usual

    chosen = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    folders = {
        "compiled programs": pathlib.Path(chosen) if chosen else _compiling.folder(),
        "decoded images": _images(),
        "times of steps": _usual.file(),
    }
    return [
        {"name": name, "path": str(path), "bytes": _bytes(path)} for name, path in folders.items() if path is not None
    ]


def _images() -> pathlib.Path | None:
    try:
        import platformdirs
    except ImportError:
        return None
    return platformdirs.user_cache_path("memjax") / "data"


def _bytes(path: pathlib.Path) -> int | None:
    """Of a file, or of all files in a folder; None for what is not there."""
    if not path.exists():
        return None
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(each.stat().st_size for each in files)
