"""Makes `import torch` cheaper in a container: most of what a fresh one costs is that import.

Three ways, each for parts of torch that merging has no use for:
  left out   torch's kernels for shapes without data; compilers and function transforms need them
  switched   `torch.distributed`: as in a torch that was built without it
  deferred   the rest: the module is there, and is loaded when somebody first asks it for a name; the few names
             that torch itself takes while it is imported are there before

What of torch's own this rests on is fixed by the image's lock file. If a later torch asks for more, it is
slower; if it no longer bears this, the import fails, or `execute.prove` does: before any program is accepted.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

_DEFERRED = (
    "torch._export",
    "torch._functorch",
    "torch._higher_order_ops",
    "torch._native",
    "torch._subclasses",
    "torch.ao",
    "torch.compiler",
    "torch.distributed",
    "torch.distributions",
    "torch.export",
    "torch.func",
    "torch.futures",
    "torch.fx",
    "torch.hub",
    "torch.masked",
    "torch.monitor",
    "torch.multiprocessing",
    "torch.nested",
    "torch.nn.intrinsic",
    "torch.nn.parallel",
    "torch.nn.qat",
    "torch.nn.quantizable",
    "torch.nn.quantized",
    "torch.optim",
    "torch.package",
    "torch.profiler",
    "torch.quantization",
    "torch.sparse",
    "torch.testing",
    "torch.utils._debug_mode",
    "torch.utils.data",
    "torchgen",
)
_LEFT_OUT = "torch._meta_registrations"
_BUILT_WITH_DISTRIBUTED = ("_c10d_init", "_rpc_init", "_dist_autograd_init")  # by these torch tells


def install() -> None:
    """Prepare this process for a lean import. Before torch is imported, or not at all."""
    gc.disable()  # thousands of objects that all stay; `settle` ends this
    sys.modules[_LEFT_OUT] = ModuleType(_LEFT_OUT)
    sys.meta_path.insert(0, _Finder())


def settle() -> None:
    """Never look through what is there now, and begin to collect what comes. After everything is imported."""
    gc.freeze()
    gc.enable()


def _on_demand(module: str, name: str) -> Callable[..., Any]:
    """Return a stand-in for a function of a deferred module, which loads it when it is called."""

    def call(*args: Any, **kwargs: Any) -> Any:
        deferred = sys.modules[module]
        if isinstance(deferred, _Deferred):
            deferred.load()
        return getattr(deferred, name)(*args, **kwargs)

    return call


class _Nothing:
    """What torch asks of every number and tensor: is it one of a compiler's? None is, while that is not loaded."""


_THERE_BEFORE: dict[str, dict[str, Any]] = {
    "torch._higher_order_ops": {name: _on_demand("torch._higher_order_ops", name) for name in ("cond", "while_loop")},
    "torch.func": {"vmap": _on_demand("torch.func", "vmap")},
    "torch._subclasses.fake_tensor": {"FakeTensor": _Nothing},
    "torch._subclasses.functional_tensor": {"FunctionalTensorMode": _Nothing},
    "torch._subclasses.schema_check_mode": {"SchemaCheckMode": _Nothing},
    "torch.nested._internal.nested_tensor": {"NestedTensor": _Nothing},
    "torch.fx.experimental.proxy_tensor": {"ProxyTorchDispatchMode": _Nothing},
    "torch.fx.experimental.sym_node": {"DynamicInt": _Nothing},
    "torch.fx.operator_schemas": {"_SCHEMA_TO_SIGNATURE_CACHE": {}},
}


class _Deferred(ModuleType):
    """A module that is loaded when it is first asked for a name."""

    def __getattr__(self, name: str) -> Any:
        if "_loader_of_deferred" not in vars(self) or name in ("__file__", "__path__", "__wrapped__"):
            raise AttributeError(name)  # the import system asks for these while it makes the module
        self.load()
        return getattr(self, name)

    def load(self) -> None:
        """Execute the module, its package first; once."""
        package = sys.modules.get(self.__name__.rpartition(".")[0])
        if isinstance(package, _Deferred):
            package.load()
        if isinstance(self, _Deferred):  # its package has not loaded it
            loader = vars(self).pop("_loader_of_deferred")
            self.__class__ = ModuleType  # type: ignore[assignment]
            loader.exec_module(self)


class _DeferringLoader(Loader):
    def __init__(self, loader: SourceFileLoader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = _Deferred(spec.name)
        vars(module).update(_THERE_BEFORE.get(spec.name, {}))
        return module

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["_loader_of_deferred"] = self._loader


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec that defers the module, if it is one of those."""
        if fullname == "torch.distributed":
            _switch_distributed_off()
        if not _is_deferred(fullname):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _DeferringLoader(spec.loader)
        return spec


def _is_deferred(name: str) -> bool:
    return name.startswith("torch") and any(name == each or name.startswith(each + ".") for each in _DEFERRED)


def _switch_distributed_off() -> None:
    for name in _BUILT_WITH_DISTRIBUTED:
        if hasattr(sys.modules["torch._C"], name):
            delattr(sys.modules["torch._C"], name)
