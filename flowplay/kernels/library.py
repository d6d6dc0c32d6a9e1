"""From LLVM's intermediate code to machine code in a file, and from there into a process.

Nothing here needs numba: a process that only runs the kernels loads neither it nor its compiler.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

ENTRY = "run_chain"

#: With this status the compiling process ends where another one compiles already.
ANOTHER_COMPILES = 3

#: A mark that nobody has touched for so many seconds is of a process that ended without a word.
MARK_SECONDS = 60.0

#: Functions that numba's wrapper names for exceptions and for arrays' owners. Kernels raise
#: nothing and own nothing.
_NEVER_CALLED = (
    "numba_gil_ensure",
    "numba_gil_release",
    "numba_unpickle",
    "numba_runtime_build_excinfo_struct",
    "numba_do_raise",
    "NRT_Free",
    "NRT_MemInfo_call_dtor",
)


class Kernels:
    """Kernels that can be called.

    Args:
        code: as `object_code` returned it.

    Attributes:
        run_chain: the entry, which takes integers and addresses: see `source.run_chain`.
    """

    def __init__(self, code: bytes) -> None:
        import llvmlite.binding as llvm

        initialize()
        # The code lives as long as the engine.
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        address = self._engine.get_function_address(ENTRY)
        arguments = [*6 * [ctypes.c_int64], *11 * [ctypes.c_void_p]]
        self.run_chain = ctypes.CFUNCTYPE(None, *arguments)(address)


def load() -> Kernels:
    """Load the kernels of this machine.

    Raises:
        OSError: if they are not there, or the file is not this user's alone.
    """
    file = path()
    if hasattr(os, "getuid"):
        status = file.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            raise PermissionError(f"{file} can be written by others; it is not loaded")
    return Kernels(file.read_bytes())


@cache
def path() -> Path:
    """Return the file for the kernels: named by source, compiler and processor."""
    import llvmlite
    import llvmlite.binding as llvm

    here = Path(__file__).parent
    parts = [
        *(
            (here / name).read_bytes()
            for name in ("source.py", "tiles.py", "layout.py", "library.py")
        ),
        llvmlite.__version__.encode(),
        llvm.get_host_cpu_name().encode(),
        llvm.get_host_cpu_features().flatten().encode(),
    ]
    digest = hashlib.sha256(b"|".join(parts)).hexdigest()[:20]
    return _directory() / f"kernels-{digest}.o"


def mark() -> Path:
    """Return the file that is there while a process compiles the kernels, which touches it."""
    return path().with_suffix(".compiling")


def being_compiled() -> bool:
    """Tell whether a process compiles the kernels."""
    try:
        return time.time() - mark().stat().st_mtime < MARK_SECONDS
    except FileNotFoundError:
        return False


def object_code(ir: str) -> bytes:
    """Return machine code of the intermediate code of numba's `cfunc`, its entry named `ENTRY`."""
    import llvmlite.binding as llvm

    initialize()
    module = llvm.parse_assembly(ir)
    entry = next(f for f in module.functions if f.name.startswith("cfunc."))
    entry.name = ENTRY
    return bytes(_machine().emit_object(module))


def _directory() -> Path:
    """Return this user's directory for what can be computed again, which then exists."""
    if given := os.environ.get("FLOWPLAY_CACHE"):
        wanted = Path(given)
    elif sys.platform == "win32":
        wanted = Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir()), "flowplay")
    elif sys.platform == "darwin":
        wanted = Path("~/Library/Caches/flowplay").expanduser()
    else:
        wanted = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "flowplay").expanduser()
    try:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        usable = False
    else:
        usable = os.access(wanted, os.W_OK)
    if usable:
        return wanted
    # A service without a home.
    user = os.getuid() if hasattr(os, "getuid") else "user"
    temporary = Path(tempfile.gettempdir(), f"flowplay-{user}")
    temporary.mkdir(mode=0o700, exist_ok=True)
    return temporary


@cache
def initialize() -> None:
    """Prepare LLVM's library for this machine."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    never = ctypes.cast(ctypes.pythonapi.Py_FatalError, ctypes.c_void_p).value
    for name in _NEVER_CALLED:
        llvm.add_symbol(name, never)


def _machine() -> Any:  # noqa: ANN401
    import llvmlite.binding as llvm

    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="default",
        codemodel="jitdefault",
        jit=True,
    )
