"""The child's side: this process applies its rules to itself before it loads an engine."""

import ctypes
import os
import resource
import struct
from itertools import count
from typing import Final

from enginehouse.engines import processes
from enginehouse.engines.sandbox import landlock, seccomp
from enginehouse.engines.sandbox.levels import Confinement, SandboxLevel
from enginehouse.engines.sandbox.syscalls import machine

_PR_SET_DUMPABLE: Final = 4
_PR_CAPBSET_DROP: Final = 24
_CAPABILITIES_V3: Final = 0x20080522
_MAX_PROCESSES: Final = 4096  # and threads; the keeper ends an engine with too many processes before


def confine(rules: Confinement) -> None:
    """The rules hold for this process and for everything that it starts. Raises OSError."""
    match rules.level:
        case SandboxLevel.NONE:
            return
        case SandboxLevel.BWRAP:
            _filter(network=rules.network, unix=not rules.network, shares=False, signals=True)
        case SandboxLevel.LANDLOCK:
            _drop_capabilities()
            seccomp.no_new_privileges(ctypes.CDLL(None, use_errno=True))
            landlock.restrict(rules.read, rules.write, network=rules.network)
            signals, lengths = landlock.keeps_signals(), landlock.keeps_lengths()
            _filter(network=rules.network, unix=False, shares=True, signals=signals, lengths=lengths)
        case SandboxLevel.UID:
            _become(rules.user)
            _filter(network=rules.network, unix=False, shares=False, signals=True)


def _filter(*, network: bool, unix: bool, shares: bool, signals: bool, lengths: bool = True) -> None:
    if (known := machine()) is not None:
        lines = seccomp.program(known, network=network, unix=unix, shares=shares, signals=signals, lengths=lengths)
        seccomp.install(lines)


def _become(user: int | None) -> None:
    """The process belongs to a user that owns nothing else."""
    if user is None:
        raise OSError("no user id was given")
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(
        resource.RLIMIT_NPROC, (_MAX_PROCESSES, _MAX_PROCESSES) if hard < 0 else (min(_MAX_PROCESSES, hard), hard)
    )
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    # A change of user takes both of these back.
    processes.die_with_parent()
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def _drop_capabilities() -> None:
    """A root process keeps its files, and nothing else that root may do."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in count():
        if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    header = ctypes.create_string_buffer(struct.pack("Ii", _CAPABILITIES_V3, 0))
    libc.capset(header, ctypes.create_string_buffer(bytes(24)))
