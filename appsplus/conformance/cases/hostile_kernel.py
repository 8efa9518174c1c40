"""Hostile programs that reach for the network, other programs and the kernel."""

from appsplus.conformance.cases._trying import tries
from appsplus.problem import Verdict

CASES = (
    tries(
        "looks-for-a-network",
        "a route to anywhere: a datagram socket is connected without a packet being sent",
        """
        addresses = [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "2001:db8::1")]
        for family, address in addresses:
            try:
                with socket.socket(family, socket.SOCK_DGRAM) as s:
                    s.connect((address, 9))
                    return True
            except OSError:
                pass
        return False
        """,
        imports="socket",
    ),
    tries(
        "listens-on-a-port",
        "other programs of the machine could come in",
        """
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            return True
        """,
        imports="socket",
    ),
    tries(
        "opens-sockets-of-other-kinds",
        "local, netlink, packet, kernel crypto and virtual-machine sockets",
        """
        kinds = [(1, 1), (1, 2), (16, 3), (17, 3), (38, 5), (40, 1)]
        for family, kind in kinds:
            try:
                socket.socket(family, kind).close()
                return True
            except OSError:
                pass
        for family in range(2, 46):
            try:
                socket.socketpair(family)
                return True
            except PermissionError:
                pass
            except OSError:  # the kernel has made the sockets, and could not connect them
                return True
        return False
        """,
        imports="socket",
    ),
    tries(
        "resolves-a-name",
        "a look-up tells a server which name was asked for",
        "return socket.getaddrinfo('localhost', 80)",
        imports="socket",
    ),
    tries(
        "starts-a-shell",
        "programs of the host",
        "return os.system('exit 0') == 0",
    ),
    tries(
        "starts-a-program-by-subprocess",
        "the interpreter itself is there, and must not be started again",
        "return subprocess.run([sys.executable, '-c', 'pass']).returncode == 0",
        imports="subprocess, sys",
    ),
    tries(
        "replaces-itself-by-another-program",
        "execve keeps the process and loses the judge's own code",
        """
        for path in (sys.executable, "/bin/true", "/usr/bin/true", "/lib64/ld-linux-x86-64.so.2"):
            try:
                os.execv(path, [path, "-c", "print('escaped')"])
            except OSError:
                pass
        return False
        """,
        imports="os, sys",
    ),
    tries(
        "runs-a-program-from-memory",
        "memfd_create and execveat leave no file behind",
        """
        file = os.memfd_create("program", 0)
        os.write(file, b"#!/bin/sh\\necho escaped\\n")
        os.execve(file, ["program"], {})
        """,
    ),
    tries(
        "finds-programs-of-the-host",
        "only libraries of the interpreter are there, and no programs",
        "return os.path.exists('/usr/bin') and os.listdir('/usr/bin')",
    ),
    tries(
        "sees-other-processes",
        "/proc shows a program itself only",
        """
        own = os.readlink("/proc/self")  # the number that /proc knows it by
        return [name for name in os.listdir("/proc") if name.isdigit() and name != own]
        """,
    ),
    tries(
        "signals-other-processes",
        "signal 0 asks whether a signal could be sent",
        """
        for pid in {os.getppid(), -1, *range(1, 3000)} - {0, os.getpid()}:
            try:
                os.kill(pid, 0)
                return True
            except OSError:
                pass
        return False
        """,
    ),
    tries(
        "changes-limits-and-priority-of-its-parent",
        "prlimit and setpriority take any process; asked for what is already so",
        """
        parent = os.getppid()
        if parent == 0:
            return False
        os.setpriority(os.PRIO_PROCESS, parent, os.getpriority(os.PRIO_PROCESS, parent))
        return resource.prlimit(parent, resource.RLIMIT_CPU)
        """,
        imports="os, resource",
    ),
    tries(
        "attaches-to-its-parent",
        "ptrace and process_vm_readv read and write another process",
        """
        libc, parent = ctypes.CDLL(None, use_errno=True), os.getppid()
        if parent == 0:
            return libc.ptrace(0x4206, 1, 0, 0) == 0
        return libc.ptrace(0x4206, parent, 0, 0) == 0  # PTRACE_SEIZE: it goes on running
        """,
        imports="ctypes, os",
    ),
    tries(
        "becomes-root",
        "user and group of its choice",
        """
        if os.getuid() != 0 and os.geteuid() != 0:
            os.setuid(0)
        os.setgroups([0])
        os.chroot("/")
        return True
        """,
    ),
    tries(
        "mounts-a-file-system",
        "over /tmp, where it would do no harm",
        """
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"none", b"/tmp", b"tmpfs", 0, b"size=4k"):
            return False
        return libc.umount2(b"/tmp", 2) == 0
        """,
        imports="ctypes",
    ),
    tries(
        "makes-namespaces-of-its-own",
        "inside a new user namespace a program has every capability, and more of the kernel to attack",
        """
        libc = ctypes.CDLL(None, use_errno=True)
        return any(libc.unshare(flag) == 0 for flag in (0x10000000, 0x40000000, 0x00020000, 0x20000000))
        """,
        imports="ctypes",
    ),
    tries(
        "enters-other-namespaces",
        "setns takes a file of /proc/<pid>/ns",
        """
        libc = ctypes.CDLL(None, use_errno=True)
        for pid in (1, os.getppid(), "self"):
            for kind in ("mnt", "net", "user", "ipc", "uts"):
                try:
                    descriptor = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
                except OSError:
                    continue
                if libc.setns(descriptor, 0) == 0 or ctypes.get_errno() == 22:
                    return True
        return False
        """,
        imports="ctypes, os",
    ),
    tries(
        "calls-dangerous-parts-of-the-kernel",
        "bpf, io_uring, userfaultfd, perf, keys, modules: a judge must refuse them before the kernel looks at arguments",
        """
        if os.uname().machine != "x86_64":
            return False
        libc = ctypes.CDLL(None, use_errno=True)
        refused = (errno.EPERM, errno.ENOSYS, errno.EACCES)
        calls = {"bpf": 321, "io_uring_setup": 425, "perf_event_open": 298, "keyctl": 250, "add_key": 248, "kcmp": 312}
        return [n for n, k in calls.items() if libc.syscall(k, 0, 0, 0, 0, 0) >= 0 or ctypes.get_errno() not in refused]
        """,
        imports="ctypes, errno, os",
    ),
    tries(
        "makes-shared-memory-of-system-v",
        "segments, semaphores and queues outlive the process that made them",
        """
        libc = ctypes.CDLL(None, use_errno=True)
        segment = libc.shmget(0x41505053, 4096, 0o1600)
        semaphores = libc.semget(0x41505053, 1, 0o1600)
        queue = libc.msgget(0x41505053, 0o1600)
        if segment >= 0:
            libc.shmctl(segment, 0, None)
        if semaphores >= 0:
            libc.semctl(semaphores, 0, 0)
        if queue >= 0:
            libc.msgctl(queue, 0, None)
        return max(segment, semaphores, queue) >= 0
        """,
        imports="ctypes",
    ),
    tries(
        "makes-shared-memory-by-name",
        "/dev/shm is shared by all programs of a machine",
        """
        area = shared_memory.SharedMemory("appsplus-conformance", create=True, size=4096)
        area.close()
        area.unlink()
        return True
        """,
        imports="multiprocessing.shared_memory as shared_memory",
    ),
    tries(
        "calls-the-kernel-by-its-32-bit-door",
        "int 0x80 has other numbers, which a filter for 64 bits misreads; the program may be killed for it",
        """
        if os.uname().machine != "x86_64":
            return False
        area = mmap.mmap(-1, 4096, prot=7)
        area.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))  # mov eax, getpid; int 0x80; ret
        call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(area)))
        return call() > 0
        """,
        imports="ctypes, mmap, os",
        also=(Verdict.RUN_TIME_ERROR,),
    ),
    tries(
        "finds-the-user-in-the-environment",
        "names, paths and secrets of whoever runs the judge",
        """
        names = {"USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "SSH_CONNECTION", "VIRTUAL_ENV", "HOSTNAME", "TERM", "DISPLAY"}
        return [n for n in os.environ if n in names or n.endswith(("_TOKEN", "_KEY", "_SECRET", "_PASSWORD"))]
        """,
    ),
    tries(
        "types-into-the-terminal",
        "TIOCSTI puts text into the terminal of whoever started the judge",
        """
        try:
            terminal = os.open("/dev/tty", os.O_RDWR)
        except OSError:
            terminal = next((d for d in range(3) if os.isatty(d)), None)
        return terminal is not None
        """,
    ),
)
