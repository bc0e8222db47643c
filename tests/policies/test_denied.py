"""Names that no program may use, written out: whoever widens the lists meets them here.

They lead to modules, code, files, raw memory, global state or the interpreter. Programs are checked, never run.
Absent, because the dialect permits them in a form that is safe: functools.reduce, the finite iterators of itertools,
`import ... as`, default arguments, `while True` (the container ends it) and `del` of a local; torch.manual_seed (the
platform seeds before each call); str.format (through a formatter without attributes); `type`, getattr and hasattr
(guarded, see HARMFUL_USES for their raw forms); `global` (its names are checked). Oversized literals and deep
nesting are in test_checker.py.
"""

from __future__ import annotations

import pytest

from policies.checker import check
from tests.policies.programs import in_merge

LEAKED_MODULES = """
torch.os torch.sys torch.builtins torch.ctypes torch.importlib torch.inspect torch.functools torch.glob torch.platform
torch.threading torch.compiler.io torch.compiler.contextlib torch.storage.copy torch.serialization.os
torch.serialization.pickle torch.serialization.copyreg torch.serialization.struct torch.serialization.tarfile
torch.serialization.shutil torch.serialization.tempfile torch.nn.functional.math torch.hub.json torch.hub.shutil
torch.hub.tempfile torch.hub.uuid torch.distributed.logging torch.multiprocessing.multiprocessing
torch.multiprocessing.reducer torch.functional.operator torch.cuda.traceback torch.overrides.types
torch.library.weakref torch.export.zipfile torch.jit.annotations.ast torch.jit.frontend.string
torch.cuda.tunable.concurrent torch.fx.proxy.dis torch.accelerator.graphs.gc torch.fx.graph_module.linecache
torch.utils.collect_env.subprocess
"""
CODE = """
torch.utils.benchmark.Timer torch.jit.unsupported_tensor_ops.execWrapper torch.utils.collect_env.run
torch.ops.load_library torch.classes.load_library torch.utils.cpp_extension.load torch.cuda.CUDAPluggableAllocator
torch.cuda.memory.CUDAPluggableAllocator torch.mps.compile_shader torch.mps.load_metallib torch.compile torch._dynamo
torch._inductor.codecache.compile_file torch.compiler.load_compiled_function torch.jit.script torch.jit.trace
torch.jit.CompilationUnit torch.jit.load torch.jit.save torch.jit.save_jit_module_to_flatbuffer torch.jit.ignore
torch.fx.GraphModule torch.fx.experimental.symbolic_shapes.ShapeEnv torch.package.PackageImporter torch.export.load
torch.export.save torch.hub.load torch.utils.model_zoo.load_url torch.onnx.export torch.quantization.quantize
torch.ao.quantization torch.multiprocessing.spawn torch.distributed.rpc torch.distributed.elastic
torch.distributed.launcher torch.distributed.broadcast_object_list torch.distributed.checkpoint
torch.distributed.FileStore torch.distributed.TCPStore torch.utils.data.DataLoader torch.utils.data.datapipes
torch.utils.bottleneck torch.utils.show_pickle torch.utils.model_dump torch.utils.hipify torch.utils.tensorboard
torch.utils._config_module.ConfigModule torch.overrides.resolve_name torch.overrides.TorchFunctionMode
torch.utils._python_dispatch.TorchDispatchMode torch.autograd.Function torch.prepare_multiprocessing_environment
torch.cuda.cudart
"""
FILES = """
torch.save torch.load torch.from_file torch.UntypedStorage.from_file torch.TypedStorage.from_file
torch.ops.aten.from_file torch.ops.aten.save torch.serialization.add_safe_globals
torch.serialization.set_default_load_endianness torch.serialization.skip_data torch.cuda.gds.GdsFile
torch.cuda.tunable.read_file torch.cuda.tunable.set_filename torch.cuda.tunable.tune_gemm_in_file
torch.cuda.memory._dump_snapshot torch.profiler.profile torch.profiler.tensorboard_trace_handler
torch.profiler.ExecutionTraceObserver torch.autograd.profiler.profile torch.mps.profiler.metal_capture
"""
MEMORY = """
torch.utils.dlpack.from_dlpack torch.from_dlpack torch.from_numpy torch.frombuffer torch.asarray torch.empty
torch.empty_like torch.empty_strided torch.empty_permuted torch.as_strided torch.cuda.caching_allocator_alloc
torch.cuda.caching_allocator_delete torch._C torch._utils torch._VF
"""
GLOBAL_STATE = """
torch.library.Library torch.library.impl torch.set_default_dtype torch.set_default_device
torch.set_default_tensor_type torch.set_rng_state torch.set_num_threads torch.set_num_interop_threads
torch.set_flush_denormal torch.set_float32_matmul_precision torch.set_printoptions
torch.set_deterministic_debug_mode torch.set_warn_always torch.set_grad_enabled torch.use_deterministic_algorithms
torch.seed torch.backends.cudnn torch.cuda.set_device torch.cuda.set_per_process_memory_fraction torch.cuda.memory
torch.cuda.nvtx torch.cuda.nccl torch.cuda.ipc_collect torch.cuda.Stream torch.cuda.graphs torch.random.fork_rng
torch.serialization
"""
TORCH = " ".join((LEAKED_MODULES, CODE, FILES, MEMORY, GLOBAL_STATE))

# Of tensors, and of arrays and storages should a program ever hold one.
ATTRIBUTES = """
data_ptr const_data_ptr storage untyped_storage set_ resize_ resize_as_ share_memory_ pin_memory numpy __array__
__dlpack__ __array_interface__ __cuda_array_interface__ map_ map2_ apply_ register_hook
register_post_accumulate_grad_hook record_stream is_shared module_load grad_fn data backward requires_grad_ new
new_empty new_empty_strided as_strided _make_subclass _base _version _typed_storage _backward_hooks __reduce_ex__
tofile dump dumps setfield ctypes base from_file
gi_frame gi_code gi_running gi_yieldfrom cr_frame cr_code cr_await cr_origin ag_frame ag_code ag_await tb_frame tb_next
tb_lasti tb_lineno f_back f_globals f_locals f_builtins f_code f_trace obj __traceback__ with_traceback add_note
__class__ __dict__ __globals__ __closure__ __code__ __subclasses__ format_map
"""

IMPORTS = """
numpy numpy.ctypeslib numpy.f2py numpy.ma.core numpy.testing numpy.lib.stride_tricks numpy.lib.format numpy.distutils
os sys builtins ctypes importlib inspect glob platform threading io contextlib copy pickle copyreg struct tarfile shutil
tempfile json uuid logging multiprocessing operator traceback types weakref zipfile ast string concurrent dis gc
linecache subprocess codecs pathlib sysconfig
"""

MEMBERS = """
functools.partial functools.cmp_to_key functools.singledispatch itertools.tee operator.add operator.attrgetter
operator.methodcaller operator.itemgetter string.Formatter collections.namedtuple collections.UserDict
"""

BUILTINS = """
setattr delattr vars dir globals locals super object open eval exec compile __import__ breakpoint input help memoryview
property classmethod staticmethod id hash SystemExit BaseException KeyboardInterrupt GeneratorExit
"""

HARMFUL_USES = {
    "attribute by a computed name": ["x = getattr(model_dict, 'ke' + 'ys')"],
    "question about a computed name": ["x = hasattr(model_dict, 'ke' + 'ys')"],
    "attribute by a private name": ["x = getattr(model_dict, '__class__')"],
    "getattr handed on": ["x = list(map(getattr, [1], ['real']))"],
    "class from type": ["x = type('A', (), {})"],
    "class below a class": ["x = type(model_dict).__subclasses__()"],
    "class definition": ["class A:", "    pass"],
    "foreign decorator": ["@torch.jit.script", "def f(x):", "    return x"],
    "format that reads an attribute": ["x = '{0.shape}'.format(model_dict)"],
    "format that reads an item": ["x = '{0[a]}'.format(model_dict)"],
    "format from the class": ["x = str.format('{0}', 1)"],
    "great integer": ["x = 10 ** 1_000_000"],
    "long text": ["x = 'a' * 10 ** 12"],
    "many elements": ["x = [0] * 10 ** 12"],
    "swallowing finally": ["for i in range(2):", "    try:", "        i = 1", "    finally:", "        continue"],
    "attribute of a module set": ["torch.neg2 = 1"],
    "attribute of a module deleted": ["del torch.neg"],
    "guard made global": ["global _getattr_", "_getattr_ = print"],
    "tensor of a size": ["x = torch.Tensor(3)"],
}


def refused_by_policy(source: str) -> bool:
    """Say whether a program is refused, and by the policy: not as bad syntax, nor for its signature."""
    result = check(source)
    return result.verdict == "refused" and {finding.reason for finding in result.findings} == {"policy"}


@pytest.mark.parametrize("name", TORCH.split())
def test_denied_member_of_torch_is_refused_in_every_spelling(name: str) -> None:
    module, _, member = name.rpartition(".")
    assert refused_by_policy(in_merge(f"x = {name}"))
    assert refused_by_policy(in_merge(f"x = {name}()"))
    assert refused_by_policy(in_merge("x = m", top=f"import torch\nfrom {module} import {member} as m"))
    assert refused_by_policy(in_merge(f"x = getattr({module}, '{member}')"))


@pytest.mark.parametrize("name", ATTRIBUTES.split())
def test_denied_attribute_is_refused_in_every_spelling(name: str) -> None:
    assert refused_by_policy(in_merge("t = model_dict['math']", f"x = t.{name}"))
    assert refused_by_policy(in_merge(f"x = model_dict['math'].{name}()"))
    assert refused_by_policy(in_merge(f"x = getattr(model_dict['math'], '{name}')"))
    assert refused_by_policy(in_merge(f"x = torch.Tensor.{name}"))


@pytest.mark.parametrize("name", IMPORTS.split())
def test_denied_import_is_refused_in_every_spelling(name: str) -> None:
    assert refused_by_policy(in_merge("x = 1", top=f"import torch\nimport {name}"))
    assert refused_by_policy(in_merge("x = m", top=f"import torch\nimport {name} as m"))
    assert refused_by_policy(in_merge("x = m", top=f"import torch\nfrom {name} import anything as m"))


@pytest.mark.parametrize("name", MEMBERS.split())
def test_denied_member_of_the_standard_library_is_refused(name: str) -> None:
    module, _, member = name.rpartition(".")
    assert refused_by_policy(in_merge(f"x = {name}", top=f"import torch\nimport {module}"))
    assert refused_by_policy(in_merge(f"x = {member}", top=f"import torch\nfrom {module} import {member}"))


@pytest.mark.parametrize("name", BUILTINS.split())
def test_denied_builtin_is_refused_called_and_as_a_value(name: str) -> None:
    assert refused_by_policy(in_merge(f"x = {name}()"))
    assert refused_by_policy(in_merge(f"x = [{name}]"))


@pytest.mark.parametrize("use", HARMFUL_USES)
def test_harmful_use_of_a_permitted_name_is_refused(use: str) -> None:
    assert refused_by_policy(in_merge(*HARMFUL_USES[use]))


@pytest.mark.parametrize(
    "line",
    [
        "x = torch.zeros",
        "x = torch.linalg.svd",
        "x = getattr(torch, 'zeros')",
        "x = model_dict['math'].clone()",
        "x = getattr(model_dict['math'], 'shape')",
        "x = torch.Tensor.clone",
        "x = [abs]",
        "x = type(model_dict)",
    ],
)
def test_same_program_with_a_permitted_name_is_admitted(line: str) -> None:
    assert check(in_merge(line)).verdict == "admitted"


REMEDIES = {
    "import copy": "clone()",
    "from copy import deepcopy": "clone()",
    "import re": "text methods",
    "import operator": "lambda",
    "from operator import add": "lambda",
    "import statistics": "torch.median",
    "import warnings": "print",
    "import logging": "print",
    "from functools import partial": "lambda",
}


@pytest.mark.parametrize("statement", REMEDIES)
def test_refused_import_says_what_to_write_instead(statement: str) -> None:
    (finding,) = check(in_merge("x = 1", top=statement)).findings
    assert finding.rule == "policy.import"
    assert REMEDIES[statement] in finding.message


def test_refused_uses_say_what_to_write_instead() -> None:
    (partial,) = check(in_merge("x = functools.partial(print, 1)", top="import functools")).findings
    (data,) = check(in_merge("x = model_dict['math'].data")).findings
    assert "lambda" in partial.message
    assert ".detach()" in data.message
