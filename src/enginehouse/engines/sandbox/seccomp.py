"""A filter of system calls. It holds for the process and for everything that it starts."""

import ctypes
import errno
import os
import struct
from typing import Final

from enginehouse.engines.sandbox.syscalls import Machine

_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_FILTER: Final = 2
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_X32: Final = 0x40000000  # numbers of a second set of calls on x86_64
_NEW_NAMESPACES: Final = 0x7E020000  # flags of clone
_TERMINAL: Final = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX, which type into a terminal
_DGRAM: Final = 2  # also on x86_64 and aarch64
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16

# What no engine needs, and what has opened kernels before.
_NEVER: Final = """
    ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise process_mrelease move_pages migrate_pages
    mount umount2 pivot_root chroot unshare setns open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick
    mount_setattr statmount listmount name_to_handle_at open_by_handle_at fanotify_init
    bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register memfd_secret
    keyctl add_key request_key init_module finit_module delete_module kexec_load kexec_file_load reboot
    swapon swapoff acct quotactl quotactl_fd settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname
    iopl ioperm vhangup syslog modify_ldt lookup_dcookie nfsservctl
    """
# What reaches other processes of the same user and their files, where the engine shares these with the server.
_SHARED: Final = """
    shmget shmat shmctl semget semop semctl semtimedop msgget msgsnd msgrcv msgctl mq_open mq_unlink
    setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr setxattrat removexattrat file_setattr
    """
# The kernel's file rules do not cover these. They succeed and do nothing, because programs that copy files call them.
_WITHOUT_EFFECT: Final = """
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat
    """
_OF_OTHERS: Final = "prlimit64 sched_setaffinity sched_setscheduler sched_setparam sched_setattr"
_SIGNALS: Final = "tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal"

Instruction = tuple[int, int, int, int]


def program(
    machine: Machine, *, network: bool, unix: bool, shares: bool, signals: bool, lengths: bool = True
) -> list[Instruction]:
    """Returns the filter.

    Without `unix` no socket can reach a server on this machine by a path. `shares`: the engine has the user, files and
    processes of the server. Without `signals` it sends signals only to itself. Without `lengths` it cuts only
    files that it has opened.
    """
    numbers = machine.numbers
    lines: list[Instruction] = [
        *[(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, machine.audit), _error(errno.ENOSYS)],
        *[(_LOAD, 0, 0, 0), (_AT_LEAST, 0, 1, _X32), _error(errno.ENOSYS)],
    ]
    lines += _refused(numbers, "clone3", errno.ENOSYS)  # its flags are not visible; programs then use clone
    lines += _refused(numbers, _NEVER, errno.EPERM)
    lines += _unless_no_bits(numbers["clone"], 0, _NEW_NAMESPACES)
    for request in _TERMINAL:
        lines += _when(numbers["ioctl"], 1, [request], errno.EPERM)
    domains = [*([_UNIX] if unix else []), *([_INET, _INET6, _NETLINK] if network or unix else [])]
    lines += _unless(numbers["socket"], 0, domains, errno.EACCES)
    if not unix:
        # A pair of datagram sockets could be connected to a path later.
        lines += _when(numbers["socketpair"], 1, [_DGRAM], errno.EACCES, mask=0xF)
    if shares:
        lines += _refused(numbers, _SHARED, errno.EPERM)
        lines += _refused(numbers, _WITHOUT_EFFECT, 0)
        for name in _OF_OTHERS.split():
            lines += _unless(numbers[name], 0, [0], errno.EPERM)
        for name in ("setpriority", "ioprio_set"):
            lines += _unless(numbers[name], 1, [0], errno.EPERM)
        lines += _unless(numbers["setpriority"], 0, [0], errno.EPERM)
        lines += _unless(numbers["ioprio_set"], 0, [1], errno.EPERM)
    if not signals:
        lines += _refused(numbers, _SIGNALS, errno.EPERM)
        for name in ("kill", "tgkill"):
            lines += _unless(numbers[name], 0, [os.getpid()], errno.EPERM)
    if not lengths:
        lines += _refused(numbers, "truncate", errno.EPERM)
    return [*lines, (_RETURN, 0, 0, _ALLOW)]


def install(lines: list[Instruction]) -> None:
    """The filter holds. Raises OSError."""
    code = b"".join(struct.pack("HBBI", *line) for line in lines)
    buffer = ctypes.create_string_buffer(code)
    header = struct.pack("HxxxxxxP", len(lines), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges(libc)
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.c_char_p(header), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the filter of system calls was refused")


def no_new_privileges(libc: ctypes.CDLL) -> None:
    """No program that this process starts has more rights than it, whatever its file says."""
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")


def _refused(numbers: dict[str, int], names: str, code: int) -> list[Instruction]:
    known = [numbers[name] for name in names.split() if name in numbers]
    return [line for number in known for line in ((_EQUAL, 0, 1, number), _error(code))]


def _when(number: int, argument: int, values: list[int], code: int, *, mask: int = 0xFFFFFFFF) -> list[Instruction]:
    """Refuses the call if its argument, an int, is one of the values."""
    body = [_load(argument), (_AND, 0, 0, mask)]
    for value in values:
        body += [(_EQUAL, 0, 1, value), _error(code)]
    return _for(number, body)


def _unless(number: int, argument: int, values: list[int], code: int) -> list[Instruction]:
    """Refuses the call if its argument, an int, is none of the values."""
    body = [_load(argument)]
    body += [(_EQUAL, len(values) - place, 0, value & 0xFFFFFFFF) for place, value in enumerate(values)]
    return _for(number, [*body, _error(code)])


def _unless_no_bits(number: int, argument: int, bits: int) -> list[Instruction]:
    return _for(number, [_load(argument), (_AND, 0, 0, bits), (_EQUAL, 1, 0, 0), _error(errno.EPERM)])


def _for(number: int, body: list[Instruction]) -> list[Instruction]:
    """Runs the body for this call only. Afterwards the number of the call is loaded again."""
    again: Instruction = (_LOAD, 0, 0, 0)
    return [(_EQUAL, 0, len(body) + 1, number), *body, again]


def _load(argument: int) -> Instruction:
    return (_LOAD, 0, 0, 16 + 8 * argument)


def _error(code: int) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | code)
