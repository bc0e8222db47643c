"""Every public name of torch is in one place of the policy's table; what a new torch brings is told, not guessed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from policies import reasons
from policies.checker import check
from policies.dialect import dialect
from policies.reasons import TENSOR, Listed, denied, permitted, why_denied
from policies.surface import compare, difference, look, public_names
from policies.table import NAMESPACES, markdown, namespaces, table
from tests.policies.programs import in_merge
from tests.policies.test_denied import ATTRIBUTES, TORCH

TABLE = Path(__file__).parents[2] / "docs" / "torch-table.md"
REMEDY = (
    "look at each name (`assay policy diff`): callbacks, files, uninitialised memory, global state, native code; then "
    "put it into one group of policies/data, with its reason: denied.toml, or torch.toml and tensor.toml; "
    "take out what is gone, and run `assay policy table --format markdown > docs/torch-table.md`"
)


def listed(*names: str, twice: tuple[str, ...] = ()) -> Listed:
    return Listed(reasons={"torch": dict.fromkeys(names, "a reason")}, twice=twice)


def surface(**names: Any) -> Any:
    """A torch with these members."""
    return SimpleNamespace(**names)


def test_installed_torch_has_no_name_that_the_table_does_not_know() -> None:
    new = difference(torch).new
    assert not new, f"torch {torch.__version__} has names that the policy does not know: {new}; {REMEDY}"


def test_table_has_no_name_that_the_installed_torch_lacks() -> None:
    gone = difference(torch).gone
    assert not gone, f"torch {torch.__version__} lacks names of the table: {gone}; {REMEDY}"


def test_table_has_every_name_once() -> None:
    double = difference(torch).contradictory
    assert not double, f"names that stand in two groups: {double}; leave each in one"


def test_table_was_made_for_the_installed_torch() -> None:
    assert torch.__version__.partition("+")[0] == reasons.made_for(), f"set `torch` in denied.toml, and {REMEDY}"


def test_answer_does_not_depend_on_what_was_imported_before() -> None:
    script = "import torch; from policies.surface import difference; assert not difference(torch)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_new_name_is_told() -> None:
    assert compare(listed("abs"), listed("load"), {"torch": ["abs", "load", "leak"]}).new == ("torch.leak",)


def test_name_that_is_gone_is_told_from_either_list() -> None:
    assert compare(listed("abs"), listed("load"), {"torch": []}).gone == ("torch.abs", "torch.load")


def test_name_in_both_lists_is_contradictory() -> None:
    assert compare(listed("abs"), listed("abs"), {"torch": ["abs"]}).contradictory == ("torch.abs",)


def test_name_in_two_groups_of_one_list_is_contradictory() -> None:
    found = compare(listed("abs", twice=("torch.abs",)), listed(), {"torch": ["abs"]})
    assert found.contradictory == ("torch.abs",)


def test_equal_lists_make_no_difference() -> None:
    assert not compare(listed("abs"), listed("load"), {"torch": ["load", "abs"]})


def test_public_names_are_those_without_an_underscore() -> None:
    assert public_names(surface(abs=abs, _C=1))["torch"] == {"abs"}


def test_namespace_that_is_not_there_has_no_names() -> None:
    assert public_names(surface(abs=abs))["torch.linalg"] == frozenset()


def test_submodule_counts_before_anything_imports_it(tmp_path: Path) -> None:
    (tmp_path / "onnx.py").write_text("raise SystemExit('imported')")
    assert "onnx" in public_names(surface(__path__=[str(tmp_path)]))["torch"]


def test_look_names_callbacks_files_and_outputs_of_a_signature() -> None:
    def transform(input: Any, fn: Any, *, out: Any = None, path: str = "", generator: Any = None) -> None:
        """Transform it.

        At length.
        """

    found = look(surface(transform=transform), "torch.transform")
    assert (found.kind, found.summary) == ("function", "Transform it.")
    assert found.look_at == ("writes into out", "may call fn", "draws from generator", "may open path")


def test_look_reads_the_signature_of_a_builtin_from_its_docstring() -> None:
    found = look(torch, "torch.normal")
    assert "writes into out" in found.look_at
    assert "draws from generator" in found.look_at


def test_look_calls_nothing() -> None:
    class Trap:
        """A trap."""

        def __init__(self) -> None:
            raise AssertionError("called")

    assert look(surface(trap=Trap), "torch.trap").kind == "class"


@pytest.mark.parametrize("namespace", namespaces())
def test_table_permits_what_the_dialect_permits(namespace: str) -> None:
    strict = dialect()
    members = strict.types["Tensor"] if namespace == TENSOR else strict.modules[namespace]
    assert permitted().reasons[namespace].keys() == members


def test_table_covers_every_module_of_torch_that_the_dialect_permits() -> None:
    assert {name for name in dialect().modules if name.startswith("torch")} <= set(namespaces())


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_checker_refuses_every_denied_name_with_its_reason(namespace: str) -> None:
    for name, reason in denied().reasons[namespace].items():
        result = check(in_merge(f"x = {namespace}.{name}"))
        assert result.verdict == "refused", f"{namespace}.{name}"
        assert f"({reason})" in result.findings[0].message


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_checker_admits_every_permitted_name(namespace: str) -> None:
    for name in permitted().reasons[namespace]:
        assert check(in_merge(f"x = {namespace}.{name}")).verdict == "admitted", f"{namespace}.{name}"


@pytest.mark.parametrize("name", TORCH.split())
def test_everything_that_leads_to_harm_is_denied_in_the_table(name: str) -> None:
    parts = name.split(".")
    prefixes = [(".".join(parts[:cut]), parts[cut]) for cut in range(1, len(parts))]
    private = any(part.startswith("_") for part in parts)
    assert private or any(why_denied(namespace, part) for namespace, part in prefixes)


@pytest.mark.parametrize("name", [name for name in ATTRIBUTES.split() if hasattr(torch.Tensor, name)])
def test_every_harmful_attribute_of_tensors_is_denied_in_the_table(name: str) -> None:
    assert name.startswith("_") or why_denied(TENSOR, name)


def test_every_entry_has_a_reason_of_one_line() -> None:
    assert all(entry.reason and "\n" not in entry.reason and "|" not in entry.reason for entry in table())


def test_at_least_250_functions_and_methods_are_permitted() -> None:
    assert len({entry.name for entry in table() if entry.verdict == "permitted"}) >= 500


def test_finding_gives_reason_and_remedy() -> None:
    (finding,) = check(in_merge("x = torch.load('a')")).findings
    assert finding.message.startswith("torch.load: not permitted (reads or writes files); programs read no files")


def test_refused_attribute_gives_the_reason_of_tensors() -> None:
    (finding,) = check(in_merge("x = model_dict['a'].data_ptr()")).findings
    assert "(tensors: the tensor's raw memory or storage)" in finding.message


def test_refused_import_gives_the_reason() -> None:
    (finding,) = check(in_merge("x = 1", top="import torch.jit")).findings
    assert "(compiles or executes code" in finding.message


def test_harmless_program_does_not_wait_for_the_table() -> None:
    program = in_merge("x = torch.abs(model_dict['a'])")
    script = (
        "from policies import reasons; from policies.checker import check; "
        f"assert check({program!r}).verdict == 'admitted'; assert not reasons.denied.cache_info().currsize"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_printed_table_is_current() -> None:
    assert TABLE.read_text() == markdown(), "run `assay policy table --format markdown > docs/torch-table.md`"
