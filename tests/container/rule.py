"""A rule as an operator writes it, for one cause and one act: text for a file in policies.d."""

from __future__ import annotations

from typing import Mapping


def rule(
    name: str,
    cause: str,
    act: str,
    given: Mapping[str, str | int] | None = None,  # parameters that only a rule may give
    mode: str = "act",
    within: str = "30s",
    limit: tuple[int, str] = (20, "1h"),
    soak: str = "2s",
    on_failure: str = "escalate",
) -> str:
    most, per = limit
    words = ", ".join(f"{key} = {value}" for key, value in (given or {}).items())
    parameters = f", with = {{ {words} }}" if words else ""
    return f"""\
[[rule]]
name       = "{name}"
when       = {{ cause = "{cause}" }}
witnesses  = 2
mode       = "{mode}"
ladder     = [ {{ act = "{act}", within = "{within}"{parameters} }} ]
limit      = {{ max = {most}, per = "{per}", cooldown = "0s" }}
verify     = {{ probe = "backend", within = "10s", soak = "{soak}" }}
on_failure = "{on_failure}"
"""
