"""How a `train` step changes weights: which methods there are, and what each may be told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.catalog.methods import (
    BESIDE,
    INSTEAD,
    LORA_VARIANTS,
    NEEDED,
    PROMPTS,
    REFT,
    REFUSED,
    WITHHELD,
    WITHHELD_CHOICES,
    method_fields,
)
from orchestrator.spec.fields import Broken
from orchestrator.spec.suggest import did_you_mean
from orchestrator.spec.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.catalog.methods import MethodField
    from orchestrator.spec.train import TrainSpec

Method = Literal[
    "full",
    "lora",
    "dora",
    "rslora",
    "pissa",
    "olora",
    "qlora",
    "adalora",
    "ia3",
    "prefix_tuning",
    "prompt_tuning",
    "p_tuning",
    "oft",
    "boft",
    "loha",
    "lokr",
    "vera",
    "fourierft",
    "hra",
    "loreft",
    "direft",
    "adamss",
    "adaption_prompt",
    "beft",
    "c3a",
    "cartridge",
    "cpt",
    "deft",
    "delora",
    "frod",
    "glora",
    "gralora",
    "hira",
    "lily",
    "ln_tuning",
    "miss",
    "multitask_prompt_tuning",
    "osf",
    "peanut",
    "poly",
    "psoft",
    "pvera",
    "randlora",
    "road",
    "shadow",
    "shira",
    "supertuning",
    "tinylora",
    "trainable_tokens",
    "unilora",
    "vblora",
    "waveft",
    "xlora",
]
POSITIONS = re.compile(r"f[1-9][0-9]*|l[1-9][0-9]*|f[1-9][0-9]*\+l[1-9][0-9]*")
_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "text": "text",
    "list": "a list",
    "mapping": "a mapping",
}


def default_target_modules(fields: Mapping[str, Any]) -> str | None:
    """Return which layers a method adapts that is told none; None for what peft has for it."""
    return "all-linear" if fields.get("method", "full") in LORA_VARIANTS else None


def broken_method_rules(step: TrainSpec) -> Iterator[Broken]:
    """Yield what does not fit a method, or makes no sense with it."""
    method = step.method
    if method in REFUSED:
        instead = INSTEAD.get(method, "lora")
        yield Broken("method", f"`{method}`: {REFUSED[method]}", f"Write `method: {instead}`.")
        return
    if method != "full":
        yield from _method_fits_objective(step)
    if method == "full" and step.method_config:
        fix = "Remove it, or write `method: lora`."
        yield Broken("method_config", "`method: full` has no config", fix)
        return
    yield from _config_is_whole(method, step.method_config)
    for name, value in step.method_config.items():
        yield from _field_fits(method, name, value)


def _method_fits_objective(step: TrainSpec) -> Iterator[Broken]:
    if step.objective == "pretrain":
        yield Broken(
            "method",
            f"`{step.method}` trains {_what(step.method)} beside a trained model and `objective: "
            "pretrain` has none",
            "Write `method: full`.",
        )
    elif step.method in REFT and step.objective == "continued_pretrain":
        yield Broken(
            "method",
            f"`{step.method}` changes what a model makes of a prompt, and the texts of `objective: "
            "continued_pretrain` have none",
            "Write `method: lora`, or `objective: sft` with prompts.",
        )
    elif step.method in REFT and not step.completion_only_loss:
        yield Broken(
            "completion_only_loss",
            f"`method: {step.method}` acts at places of the prompt, and without this every token "
            "is learned and none is the prompt's",
            "Remove it, or write `method: lora`.",
        )


def _what(method: str) -> str:
    if method in PROMPTS:
        return "vectors before each prompt"
    return "interventions" if method in REFT else "adapters"


def _config_is_whole(method: str, config: Mapping[str, Any]) -> Iterator[Broken]:
    for name, example in NEEDED.get(method, {}).items():
        if name not in config:
            yield Broken(
                "method_config",
                f"`method: {method}` needs `{name}`",
                f"Write `method_config: {{{name}: {example}}}`.",
            )


def _field_fits(method: str, name: str, value: Any) -> Iterator[Broken]:
    where = f"method_config.{name}"
    known = method_fields(method)
    beside = BESIDE if method in LORA_VARIANTS else {}
    if name == "target_modules" and method not in REFT:
        beside = {**beside, name: name}
    if name in beside:
        fix = f"Write `{beside[name]}: {show(value)}` there."
        yield Broken(where, "it is a key of the step itself", fix)
    elif name in LORA_VARIANTS.get(method, {}):
        yield Broken(where, f"`method: {method}` sets it", "Remove it, or write `method: lora`.")
    elif name in WITHHELD and name in known:
        yield Broken(where, f"it cannot be set: {WITHHELD[name]}", "Remove it.")
    elif name not in known:
        names = [one for one in known if one not in beside and one not in WITHHELD]
        what = f"`method: {method}` has no field {name!r}"
        yield Broken(where, what, did_you_mean(name, names, noun="fields"))
    else:
        yield from _value_fits(where, known[name], value)
        yield from _place_fits(name, value) if method in REFT else ()


def _value_fits(where: str, field: MethodField, value: Any) -> Iterator[Broken]:
    kinds = _kinds(value)
    if not kinds & field.types:
        words = " or ".join(_WORDS[kind] for kind in sorted(field.types - {"null"}))
        yield Broken(where, f"expected {words}, found {show(value)}")
    elif isinstance(value, str) and value in WITHHELD_CHOICES and value in field.choices:
        fix = "Write gaussian, pissa or olora."
        yield Broken(where, f"'{value}' looks at data before training, which no job does", fix)
    elif isinstance(value, str) and field.choices and value not in field.choices:
        # peft: `pissa_niter_16`, with any number.
        if not re.fullmatch(r"pissa_niter_[0-9]+", value):
            listed = ", ".join(map(str, field.choices))
            fix = did_you_mean(value, map(str, field.choices))
            yield Broken(where, f"expected one of {listed}, found {value!r}", fix)
    elif where.endswith(("rank", ".r")) and isinstance(value, int) and value < 1:
        yield Broken(where, f"{value} is not above 0", "Write 1 or more.")


def _place_fits(name: str, value: Any) -> Iterator[Broken]:
    """Yield layers and positions of a ReFT that are none."""
    where = f"method_config.{name}"
    if name == "positions" and isinstance(value, str) and not POSITIONS.fullmatch(value):
        what = f"{value!r} is not of the form f7+l7 (the prompt's first 7 and last 7 tokens)"
        yield Broken(where, what, "Write f1+l1, f5 or l1, for example.")
    if name == "layers" and isinstance(value, list | tuple):
        numbers = [one for one in value if type(one) is int and one >= 0]
        if not numbers or len(set(numbers)) != len(value):
            what = f"expected different layer numbers from 0 on, found {list(value)}"
            yield Broken(where, what, "Write all, or [0, 2].")
    if name == "dropout" and isinstance(value, int | float) and not 0 <= value < 1:
        yield Broken(where, f"{value} is not from 0 to below 1", "Write 0.0.")


def _kinds(value: Any) -> frozenset[str]:
    match value:
        case bool():
            return frozenset({"boolean"})
        case int():
            return frozenset({"integer", "number"})
        case float():
            return frozenset({"number"})
        case str():
            return frozenset({"text"})
        case list() | tuple():
            return frozenset({"list"})
        case dict():
            return frozenset({"mapping"})
        case _:
            return frozenset({"null"})
