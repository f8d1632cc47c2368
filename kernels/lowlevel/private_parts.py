"""Table of the private parts of numba and llvmlite that are used, which may change at any time."""

import inspect
from pkgutil import resolve_name

from numba import njit

# Names, and the arguments that they take where these matter: what is called, and what is replaced.
NEEDED = {
    "llvmlite.ir:Constant": None,
    "llvmlite.ir:IRBuilder.bitcast": "(self, value, typ, name='')",
    "llvmlite.ir:IRBuilder.extract_element": "(self, vector, idx, name='')",
    "llvmlite.ir:IRBuilder.gep": "(self, ptr, indices, inbounds=False, name='', source_etype=None)",
    "llvmlite.ir:IRBuilder.insert_element": "(self, vector, value, idx, name='')",
    "llvmlite.ir:IRBuilder.inttoptr": "(self, value, typ, name='')",
    "llvmlite.ir:IRBuilder.load": "(self, ptr, name='', align=None, typ=None)",
    "llvmlite.ir:IRBuilder.shuffle_vector": "(self, vector1, vector2, mask, name='')",
    "llvmlite.ir:IRBuilder.store": "(self, value, ptr, align=None)",
    "llvmlite.ir:IntType.as_pointer": "(self, addrspace=0)",
    "llvmlite.ir:Module.declare_intrinsic": "(self, intrinsic, tys=(), fnty=None)",
    "llvmlite.ir:VectorType": None,
    "numba.core.caching:_Cache": None,
    "numba.core.cgutils:alloca_once": "(builder, ty, size=None, name='', zfill=False)",
    "numba.core.cgutils:alloca_once_value": "(builder, value, name='', zfill=False)",
    "numba.core.cgutils:for_range": "(builder, count, start=None, intp=None)",
    "numba.core.cgutils:for_range_slice": "(builder, start, stop, step, intp=None, inc=True)",
    "numba.core.cgutils:unpack_tuple": "(builder, tup, count=None)",
    "numba.core.cgutils:voidptr_t": None,
    "numba.core.codegen:JITCPUCodegen._library_class": None,
    "numba.core.codegen:JITCodeLibrary._finalize_dynamic_globals": "(self)",
    "numba.core.codegen:JITCodeLibrary._finalize_final_module": "(self)",
    "numba.core.codegen:JITCodeLibrary._optimize_final_module": "(self)",
    "numba.core.codegen:JITCodeLibrary.serialize_using_bitcode": "(self)",
    "numba.core.codegen:JITCodeLibrary.serialize_using_object_code": "(self)",
    "numba.core.compiler:CompileResult._rebuild": None,
    "numba.core.compiler:CompileResult._reduce": "(self)",
    "numba.core.dispatcher:Dispatcher.compile": "(self, sig)",
    "numba.core.dispatcher:Dispatcher.get_call_template": "(self, args, kws)",
    "numba.core.dispatcher:Dispatcher.get_overload": "(self, sig)",
    "numba.core.registry:cpu_target.target_context": None,
    "numba.core.serialize:dumps": "(obj)",
    "numba.core.serialize:loads": None,
    "numba.core.types:unliteral": "(lit_type)",
    "numba.extending:intrinsic": None,
}
OF_A_CACHE = {"cache_path", "disable", "enable", "flush", "load_overload", "save_overload"}


def first_change() -> str | None:
    """Return the first name that is missing or takes other arguments, None if there is none."""
    for name, arguments in NEEDED.items():
        try:
            found = resolve_name(name)
        except (ImportError, AttributeError):
            return name
        if arguments is not None and str(inspect.signature(found)) != arguments:
            return name
    if resolve_name("numba.core.caching:_Cache").__abstractmethods__ != OF_A_CACHE:
        return "numba.core.caching:_Cache"
    return None if hasattr(njit(first_change), "_cache") else "the cache of numba's dispatcher"
