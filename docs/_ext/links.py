"""Which names become links: those of skrec by whatever path, and no metric an e-mail address."""

from collections import defaultdict
from functools import cache
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

_BY_THEMSELVES = {"class", "function", "exception", "data"}


def drop_mail(app: Sphinx, doctree: nodes.document) -> None:
    """Turn what docutils takes for an e-mail address, such as ndcg@10, back into text."""
    for node in [*doctree.findall(nodes.reference)]:
        if node.get("refuri", "").startswith("mailto:"):
            node.replace_self(node.children)


def find_name(app: Sphinx, env: Any, node: nodes.Element, shown: Any) -> Any:
    """Resolve a name of skrec that is not where it is documented, such as ``skrec.linear.X``."""
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    if "." in target and not target.startswith("skrec.") and not target[0].isupper():
        return None
    domain = env.get_domain("py")
    parts = target.split(".")
    ends = _ends(env, len(domain.objects))
    found = {ends[end] for end in (".".join(parts[-2:]), parts[-1]) if end in ends}
    names = [name for name in found if name.endswith("." + parts[-1])]
    if len(names) != 1:
        return None
    builder, page = app.builder, node["refdoc"]
    return domain.resolve_xref(env, page, builder, "obj", names[0], node, shown)


@cache
def _ends(env: Any, size: int) -> dict[str, str]:
    """Return the full name of each ``X`` and ``X.method`` that only one documented name ends in."""
    names = defaultdict(set)
    for name, entry in env.get_domain("py").objects.items():
        own = name.split(".")
        if entry.objtype in _BY_THEMSELVES:
            names[own[-1]].add(name)
        names[".".join(own[-2:])].add(name)
    return {end: full.pop() for end, full in names.items() if len(full) == 1}


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect both to Sphinx."""
    app.connect("doctree-read", drop_mail)
    app.connect("missing-reference", find_name)
    return {"parallel_read_safe": True}
