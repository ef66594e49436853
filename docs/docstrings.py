"""Docstrings as the API reference shows them."""

import importlib
import inspect
import re
from typing import Any

import griffe

CODE = re.compile(r"(^ *```.*?^ *```$|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
PROMPTS = re.compile(r"^( *)>>> .*(?:\n\1 *\S.*)*", re.MULTILINE)


def fenced(text: str) -> str:
    """Examples with prompts as code, which are quotations of quotations to Markdown."""
    return PROMPTS.sub(r"\1```pycon\n\g<0>\n\1```", text)


def plain(text: str) -> str:
    """Shapes such as [*leading, K, N] [S] as they are: neither emphasis nor, where two brackets meet, a link."""
    return re.sub(r"\](\s*)\[", "]\u200b\\1[", re.sub(r"(?<=\[)\*(?=\w)|\*(?=/)|(?<=/)\*", r"\*", text))


class Plain(griffe.Extension):
    """Docstrings are plain text, and specifications are classes without a written constructor."""

    def on_instance(self, *, obj: griffe.Object, **_) -> None:
        if obj.docstring is not None:
            parts = re.split(CODE, fenced(obj.docstring.value))
            obj.docstring.value = "".join(part if part.lstrip()[:1] == "`" else plain(part) for part in parts)

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_) -> None:
        """Where Python stores a value is of no use to a reader, who searches headings."""
        attr.labels -= {"class-attribute", "instance-attribute", "module-attribute"}

    def on_class_members(self, *, cls: griffe.Class, **_) -> None:
        """How a specification is made, below its first line."""
        from memjax.spec import Spec

        kind = getattr(importlib.import_module(cls.module.path), cls.name, None)
        if cls.docstring is None or not inspect.isclass(kind) or not issubclass(kind, Spec) or inspect.isabstract(kind):
            return
        first, _, rest = cls.docstring.value.partition("\n")
        call = signature(cls.name, inspect.signature(kind))
        cls.docstring.value = f"{first}\n\n```python\n{call}\n```\n{rest}"


def signature(name: str, found: inspect.Signature) -> str:
    """Name(field, field=default), on lines of their own where one is too long."""
    fields = [shown(parameter) for parameter in found.parameters.values()]
    line = f"{name}({', '.join(fields)})"
    return line if len(line) <= 100 else f"{name}(\n" + "".join(f"    {field},\n" for field in fields) + ")"


def shown(parameter: inspect.Parameter) -> str:
    default: Any = parameter.default
    if default is parameter.empty:
        return parameter.name
    plain = default is None or isinstance(default, bool | int | float | str | tuple)
    return f"{parameter.name}={default!r}" if plain else f"{parameter.name}={type(default).__name__}(...)"
