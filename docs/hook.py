"""What mkdocs does beside turning pages into HTML: links into the repository, and the API reference.

The reference is made from the packages as they are imported, so that no public name can be forgotten.
"""

import importlib
import inspect
import pathlib
import pkgutil
import posixpath
import re
import tomllib

ROOT = pathlib.Path(__file__).parents[1]
URLS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
LINK = re.compile(r"(?<=\]\()(?P<target>[^)\s:#]+)(?P<anchor>#[^)\s]*)?(?=\))")


def packages() -> list[str]:
    """Every package and module that a user may import from, the command line apart."""
    import memjax

    found = ["memjax"]
    for _, name, _ in pkgutil.walk_packages(memjax.__path__, "memjax."):
        private = any(part.startswith("_") for part in name.split("."))
        if not private and not name.startswith("memjax.cli"):
            found.append(name)
    return found


def public(package: str) -> list[str]:
    """The names that a package offers: what it exports, or defines where it is one module."""
    module = importlib.import_module(package)
    names = sorted(name for name in vars(module) if not name.startswith("_"))
    source = pathlib.Path(inspect.getsourcefile(module))
    exported = set(re.findall(r"^from \S+ import (\w+) as \1$", source.read_text("utf-8"), re.MULTILINE))
    here = lambda value: getattr(value, "__module__", None) == package
    kept = (name for name in names if name in exported or here(getattr(module, name)))
    return [name for name in kept if not inspect.ismodule(getattr(module, name))]


def reference() -> dict[str, str]:
    """{path in the site: page} of every package with public names. What several export is described by the first."""
    described, pages = {}, {}
    for package in packages():
        text = f"# {package}\n\n::: {package}\n    options: {{members: false, show_root_heading: false}}\n\n"
        names = public(package)
        for name in names:
            value = getattr(importlib.import_module(package), name)
            kind = inspect.isclass(value) or inspect.isfunction(value)
            first = described.setdefault(value, f"{package}.{name}") if kind else f"{package}.{name}"
            if first == f"{package}.{name}":
                text += f"::: {first}\n\n"
            else:
                text += f"## {name} {{: #{package}.{name} }}\n\nThe same as [{first}][].\n\n"
        if names:
            pages[f"api/{package}.md"] = text
    return pages


def on_config(config):
    rows = [{page.removeprefix("api/").removesuffix(".md"): page} for page in reference()]
    if not any("API reference" in entry for entry in config.nav):
        config.nav.append({"API reference": rows})
    # Not mkdocs' repo_url, whose readers' browsers would ask GitHub for numbers of stars.
    config.extra["social"] = [{"icon": "fontawesome/brands/github", "link": URLS["Repository"]}]
    return config


def on_files(files, config):
    from mkdocs.structure.files import File

    for path, text in reference().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown, page, config, **_):
    """Links that leave docs/ lead to the repository."""
    folder = posixpath.dirname(page.file.src_uri)

    def moved(link: re.Match) -> str:
        path = posixpath.normpath(posixpath.join("docs", folder, link["target"]))
        outside = not path.startswith("docs/")
        if link["target"].startswith("/") or not (outside or path.startswith("docs/results/")):
            return link[0]
        if path.endswith((".png", ".svg")) and not outside:
            return link[0]
        if not (ROOT / path).exists():
            return link[0]  # strict builds say so
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"{URLS['Repository']}/{kind}/main/{path}{link['anchor'] or ''}"

    return LINK.sub(moved, markdown)
