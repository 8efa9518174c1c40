"""Hostile programs that reach for files: the host's, the interpreter's, the kernel's, and all the room on a disk."""

from appsplus.conformance.cases._trying import tries

CASES = (
    tries(
        "reads-files-of-the-host",
        "configuration, users and host names are not a program's business",
        """
        names = ["/etc/passwd", "/etc/hostname", "/etc/os-release", "/proc/cmdline", "/proc/cpuinfo", "/sys/kernel/notes"]
        return any(os.access(name, os.R_OK) and open(name).read(1) for name in names)
        """,
    ),
    tries(
        "lists-home-folders",
        "nor is what lies in them",
        """
        homes = [Path("/root"), *Path("/home").glob("*"), Path(os.path.expanduser("~"))]
        names = [".bashrc", ".profile", ".bash_history", ".ssh", ".cache", ".config", ".gitconfig"]
        return [home / name for home in homes for name in names if (home / name).exists()]
        """,
        imports="os\nfrom pathlib import Path",
    ),
    tries(
        "reads-the-host-through-proc",
        "/proc/<pid>/root and cwd are doors to other file systems",
        """
        for pid in ["self", "1", str(os.getppid()), "thread-self"]:
            for way in ("root", "cwd", "cwd/../../../../../.."):
                if os.access(f"/proc/{pid}/{way}/etc/passwd", os.R_OK):
                    return True
        return False
        """,
    ),
    tries(
        "reads-the-host-through-links",
        "symbolic and hard links that lead out of /tmp",
        """
        folder = tempfile.mkdtemp()
        targets = ("/etc/passwd", "../" * 12 + "etc/passwd", "/proc/self/root/etc/passwd", "/proc/1/root/etc/passwd")
        found = False
        for number, target in enumerate(targets):
            here = os.path.join(folder, str(number))
            os.symlink(target, here)
            found = found or os.access(here, os.R_OK) and open(here).read(1)
        try:
            os.link("/etc/passwd", os.path.join(folder, "hard"))
            found = found or open(os.path.join(folder, "hard")).read(1)
        except OSError:
            pass
        remove(folder)
        return found
        """,
        imports="os, tempfile",
    ),
    tries(
        "reads-the-host-through-open-descriptors",
        "a folder that was open before the sandbox was closed leads out of it",
        """
        for descriptor in range(3, 256):
            for up in ("etc/passwd", "../" * 12 + "etc/passwd"):
                try:
                    return os.open(up, os.O_RDONLY, dir_fd=descriptor)
                except OSError:
                    pass
        return False
        """,
    ),
    tries(
        "writes-outside-tmp",
        "into the interpreter, the system, home, and beside the judge",
        """
        folders = ["/", "/usr", "/etc", "/var/tmp", "/home", "/root", os.path.expanduser("~"), os.path.dirname(os.__file__)]
        for folder in [f for f in folders if os.path.realpath(f) != "/tmp"]:
            path = os.path.join(folder, "appsplus-conformance-written")
            try:
                open(path, "x").close()
            except OSError:
                continue
            remove(path)
            return True
        return False
        """,
    ),
    tries(
        "writes-into-the-library",
        "a changed module would be imported by the next program",
        """
        for name in (os.__file__, json.__file__, sys.executable):
            try:
                os.close(os.open(name, os.O_WRONLY | os.O_APPEND))
                return True
            except OSError:
                pass
        return False
        """,
        imports="json, os, sys",
    ),
    tries(
        "writes-settings-of-the-kernel",
        "files of /proc and /sys that change the machine; only opened here, not written",
        """
        names = ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches", "/sys/power/state"]
        for name in [*names, "/sys/fs/cgroup/cgroup.procs", "/dev/mem", "/dev/kmsg", "/proc/self/uid_map"]:
            try:
                os.close(os.open(name, os.O_WRONLY))
                if name != "/proc/self/uid_map":
                    return True
            except OSError:
                pass
        return False
        """,
    ),
    tries(
        "fills-the-disk",
        "64 MiB in pieces of 1 MiB; whoever runs it cleans up",
        """
        folder = tempfile.mkdtemp()
        try:
            for i in range(64):
                with open(os.path.join(folder, str(i)), "wb") as file:
                    file.write(bytes(1 << 20))
            return True
        finally:
            remove(folder)
        """,
        imports="os, tempfile",
    ),
    tries(
        "fills-the-disk-with-names",
        "10,000 empty files",
        """
        folder = tempfile.mkdtemp()
        try:
            for i in range(10_000):
                open(os.path.join(folder, str(i)), "x").close()
            return True
        finally:
            remove(folder)
        """,
        imports="os, tempfile",
    ),
    tries(
        "writes-one-large-file",
        "a file of 64 MiB, by one write and by a hole",
        """
        file, path = tempfile.mkstemp()
        try:
            os.ftruncate(file, 64 << 20)
            return os.pwrite(file, bytes(64 << 20), 0) == 64 << 20
        finally:
            remove(path)
        """,
        imports="os, tempfile",
    ),
    tries(
        "opens-too-many-files",
        "5,000 descriptors",
        """
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        return [os.dup(0) for _ in range(5000)]
        """,
        imports="os, resource",
    ),
)
