"""What Linux offers to shut a process in, by ctypes: namespaces, mounts, Landlock, seccomp, limits. Standard library.

Every function changes the calling process for good. OSError where the system does not offer it.
"""

import ctypes
import os
import platform
import resource
import struct
from collections.abc import Sequence

LIBC = ctypes.CDLL(None, use_errno=True)
NOBODY = 65534
X86 = platform.machine() == "x86_64"
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # as the kernel's filters name them

NEW_MOUNTS, NEW_NAMES, NEW_IPC, NEW_USER, NEW_PROCESSES, NEW_NETWORK = (
    0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
READ_ONLY, NO_SETUID, NO_DEVICES, NO_EXECUTION, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
DETACH = 2
DIE_WITH_PARENT, NO_NEW_PRIVILEGES, SECCOMP, DROP_BOUND = 1, 38, 22, 24

# System calls that a program that only computes has no use for: (number on x86-64, on 64-bit ARM; None: not there).
DENIED = {
    "network": ((41, 198), (42, 203), (49, 200), (50, 201), (43, 202), (288, 242), (44, 206), (46, 211), (53, 199)),
    "processes": ((57, None), (58, None), (59, 221), (322, 281), (434, 434), (424, 424), (438, 438)),
    "others": ((101, 117), (310, 270), (311, 271), (312, 272), (298, 241), (321, 280), (323, 282), (29, 194),
               (64, 190), (68, 186), (240, 180)),
    "system": ((165, 40), (166, 39), (155, 41), (161, 51), (272, 97), (308, 268), (428, 428), (429, 429), (430, 430),
               (432, 432), (442, 442), (175, 105), (313, 273), (176, 106), (246, 104), (169, 142), (167, 224),
               (168, 225), (163, 89), (179, 60), (304, 265), (248, 217), (249, 218), (250, 219), (425, 425),
               (426, 426), (427, 427)),
}
CLONE, CLONE3, KILL, TGKILL, PRLIMIT = ((56, 220), (435, 435), (62, 129), (234, 131), (302, 261))
CLONE_THREAD = 0x10000
REFUSED, ABSENT, ALLOWED, ENDED = 0x50001, 0x50026, 0x7FFF0000, 0x80000000  # EPERM, ENOSYS

LANDLOCK = (444, 445, 446)  # create, add a rule, restrict
LANDLOCK_FILES = (13, 14, 15, 15, 16, 16)  # kinds of access that versions 1.. know
EXECUTE, WRITE_FILE, READ_FILE, READ_FOLDER, TRUNCATE = 1, 2, 4, 8, 1 << 14


def _checked(value: int, what: str) -> int:
    if value < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return value


def control(option: int, *arguments: int) -> int:
    """prctl."""
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(LIBC.prctl(option, *padded), f"prctl {option}")


def _call(number: int, *arguments: object) -> int:
    return _checked(LIBC.syscall(ctypes.c_long(number), *arguments), f"system call {number}")


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    _checked(LIBC.mount(*encoded, ctypes.c_ulong(flags), options.encode()), f"mount {target}")


def unshare() -> str:
    """Own mounts, network, IPC, names and (for children) processes; returns how: by "root" or in an own "user" space.

    The caller has one thread.
    """
    wanted = NEW_MOUNTS | NEW_NETWORK | NEW_IPC | NEW_NAMES | NEW_PROCESSES
    user, group = os.geteuid(), os.getegid()
    if user == 0 and LIBC.unshare(wanted) == 0:
        return "root"
    _checked(LIBC.unshare(wanted | NEW_USER), "unshare")
    _map_user(user, group)
    return "user"


def unshare_network() -> None:
    """A network without any interface, in a user space of its own where the user is not root. The caller has one
    thread."""
    if os.geteuid() == 0 and LIBC.unshare(NEW_NETWORK) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    _checked(LIBC.unshare(NEW_NETWORK | NEW_USER), "unshare")
    _map_user(user, group)


def _map_user(user: int, group: int) -> None:
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def new_root(folder: str, readable: Sequence[str], scratch_mb: int) -> None:
    """A file system of its own, of which `readable` is all that can be read, and /tmp, of scratch_mb, written.

    folder: an empty one, where it is put together. Follows unshare().
    """
    _mount("none", "/", None, RECURSIVE | PRIVATE)
    _mount("jail", folder, "tmpfs", NO_SETUID | NO_DEVICES, "size=1m,mode=755")
    for path in readable:
        target = folder + path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.islink(path):
            os.symlink(os.readlink(path), target)
            continue
        if os.path.isdir(path):
            os.makedirs(target, exist_ok=True)
        elif not os.path.exists(target):
            open(target, "x").close()
        _mount(path, target, None, BIND | RECURSIVE)
        kept = os.statvfs(target).f_flag & (NO_SETUID | NO_DEVICES | NO_EXECUTION)
        _mount("none", target, None, BIND | REMOUNT | READ_ONLY | NO_SETUID | NO_DEVICES | kept)
    os.makedirs(folder + "/tmp", exist_ok=True)
    _mount("scratch", folder + "/tmp", "tmpfs", NO_SETUID | NO_DEVICES | NO_EXECUTION,
           f"size={scratch_mb}m,nr_inodes=1k,mode=1777")
    _mount("none", folder, None, BIND | REMOUNT | READ_ONLY | NO_SETUID | NO_DEVICES)
    os.chdir(folder)
    _call(155 if X86 else 41, b".", b".")  # pivot_root: the old root now lies above the new one
    _checked(LIBC.umount2(b".", DETACH), "umount")
    os.chdir("/tmp")


def drop_rights(become_nobody: bool) -> None:
    """No capability and no way to one. become_nobody: where the process is the system's root, in a root of its own."""
    for number in range(64):
        try:
            control(DROP_BOUND, number)
        except OSError:  # the last one, or none may be dropped, because there is none
            break
    if become_nobody:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    header, none = struct.pack("=Ii", 0x20080522, 0), bytes(24)
    _call(126 if X86 else 91, header, none)
    control(NO_NEW_PRIVILEGES, 1)


def landlock(readable: Sequence[str], writable: Sequence[str]) -> int:
    """Files: only these can be read, only those in `writable` changed; returns the version. Follows drop_rights()."""
    create, add, restrict = LANDLOCK
    version = _call(create, None, ctypes.c_size_t(0), 1)
    everything = (1 << LANDLOCK_FILES[min(version, 6) - 1]) - 1
    rules = struct.pack("=QQQ", everything, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _call(create, rules, ctypes.c_size_t(size), 0)
    for paths, access in ((readable, EXECUTE | READ_FILE | READ_FOLDER), (writable, everything & ~EXECUTE)):
        for path in filter(os.path.exists, paths):
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            of_file = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
            allowed = access & everything if os.path.isdir(path) else access & everything & of_file
            _call(add, ruleset, 1, struct.pack("=Qi", allowed, place), 0)
            os.close(place)
    _call(restrict, ruleset, 0)
    os.close(ruleset)
    return version


def seccomp() -> None:
    """Refuse the system calls of DENIED, new processes (threads are allowed) and signals to others.

    Follows drop_rights().
    """
    if platform.machine() not in ARCHITECTURE:
        raise OSError(f"no filter is known for {platform.machine()}")
    at = 0 if X86 else 1
    rules: list[tuple[int, int, int, int | None]] = [(0x20, 0, 0, 4)]
    rules += [(0x15, 1, 0, ARCHITECTURE[platform.machine()]), (0x06, 0, 0, ENDED), (0x20, 0, 0, 0)]
    if X86:
        rules += [(0x35, 0, 1, 0x40000000), (0x06, 0, 0, ENDED)]  # x32, whose numbers are others
    for calls in DENIED.values():
        for numbers in calls:
            if numbers[at] is not None:
                rules += [(0x15, 0, 1, numbers[at]), (0x06, 0, 0, REFUSED)]
    rules += [(0x15, 0, 1, CLONE3[at]), (0x06, 0, 0, ABSENT)]  # the C library then takes clone
    rules += [(0x15, 0, 4, CLONE[at]), (0x20, 0, 0, 16), (0x45, 1, 0, CLONE_THREAD), (0x06, 0, 0, REFUSED),
              (0x06, 0, 0, ALLOWED)]
    for numbers, own in ((KILL, os.getpid()), (TGKILL, os.getpid()), (PRLIMIT, 0)):
        rules += [(0x15, 0, 4, numbers[at]), (0x20, 0, 0, 16), (0x15, 1, 0, own), (0x06, 0, 0, REFUSED),
                  (0x06, 0, 0, ALLOWED)]
    rules.append((0x06, 0, 0, ALLOWED))
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *rule) for rule in rules))
    pointer = ctypes.create_string_buffer(struct.pack("=HxxxxxxQ", len(rules), ctypes.addressof(program)))
    control(NO_NEW_PRIVILEGES, 1)
    control(SECCOMP, 2, ctypes.addressof(pointer))


def address_space() -> int:
    """Bytes that the process has reserved; 1 GB where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 1 << 30


def limit(space: int, cpu_seconds: int, file_mb: int, files: int) -> None:
    """Bytes of address space, processor time, size of a file, open files, no new process or thread, no core dump."""
    values = {"AS": space, "CPU": cpu_seconds, "FSIZE": file_mb << 20, "NOFILE": files, "NPROC": 0, "CORE": 0}
    for name, value in values.items():
        number = getattr(resource, f"RLIMIT_{name}")
        most = resource.getrlimit(number)[1]
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(number, (value, value))
