"""Show what docstrings say of parameters and fields as lists: lines of `name: text` and what is indented below them."""

import re
from typing import Any

import griffe

_ITEM = re.compile(r"([a-z_]\w*(?:, [a-z_]\w*)*): (?=\S)")
_SECTION = re.compile(r"[A-Z][a-z]+:$")  # as "Raises:", which griffe knows
_logger = griffe.get_logger(__name__)


class Parameters(griffe.Extension):
    """Turn lines of `name: text` into items of a list; warn where there is no such parameter or field."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of a function or a class."""
        if obj.docstring is None or not (obj.is_function or obj.is_class):
            return
        known = {parameter.name.lstrip("*") for parameter in obj.parameters} | set(obj.members)
        lines: list[str] = []
        is_text = True
        for line in obj.docstring.value.splitlines():
            is_text = is_text and not _SECTION.match(line)
            if is_text and (item := _ITEM.match(line)):
                names = item[1].split(", ")
                if unknown := set(names) - known:
                    _logger.warning("%s: the docstring describes %s, which it has not", obj.path, sorted(unknown))
                bold = ", ".join(f"**{name}**" for name in names)
                lines += ["", f"- {bold}: {line[item.end() :]}"]
            else:
                lines.append(line)
        obj.docstring.value = "\n".join(lines)
