"""Processes of a rig: started apart from us, known by id and start time, ended by that and never by name.

An id alone may have gone to somebody else; together with the time of its start (proc(5), field 22) it is one process.
What is sent goes through a pidfd, so that nothing can come between the look and the signal.
"""

import os
import pathlib
import select
import signal
import subprocess
import time

# Between two tries to reach a server that starts.
PAUSE_SECONDS = 0.02


class RigError(Exception):
    """What went wrong, as a sentence for the person at the terminal."""


def look(pid):
    """(state, parent, start) of a process, None when there is none."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name may hold anything, parentheses too: the fields begin after the last one.
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[1]), int(fields[19])


def identify(pid):
    """The record of a process that runs now."""
    found = look(pid)
    if found is None:
        raise RigError(f"process {pid} is gone.")
    return {"pid": pid, "start": found[2]}


def is_alive(process):
    """Whether the process of this record runs (or is stopped). A zombie is dead: nobody may have reaped it yet."""
    if not process or not process.get("pid"):
        return False
    found = look(process["pid"])
    return found is not None and found[2] == process["start"] and found[0] not in "ZX"


def descendants(process):
    """Its children and theirs, as records. Those of a dead process are not known any more."""
    children = {}
    for name in os.listdir("/proc"):
        found = look(name) if name.isdigit() else None
        if found:
            children.setdefault(found[1], []).append({"pid": int(name), "start": found[2]})
    result, ahead = [], [process]
    while ahead:
        ahead = [child for parent in ahead for child in children.get(parent["pid"], [])]
        result.extend(ahead)
    return result


def descriptor_of(process):
    """A pidfd of exactly this process, None when it is gone."""
    try:
        descriptor = os.pidfd_open(process["pid"])
    except ProcessLookupError:
        return None
    if is_alive(process):
        return descriptor
    os.close(descriptor)
    return None


def send(process, number):
    """Returns whether the process was there."""
    descriptor = descriptor_of(process)
    if descriptor is None:
        return False
    try:
        signal.pidfd_send_signal(descriptor, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)


def send_all(process, number):
    """To the process and everything below it. It is stopped first, for what is stopped has no new children."""
    if number not in (signal.SIGSTOP, signal.SIGCONT):
        send(process, signal.SIGSTOP)
    if number == signal.SIGSTOP:
        send(process, number)
    tree = descendants(process)
    for each in [process, *tree]:
        send(each, number)
    return [process, *tree]


def wait_for_end(processes, seconds):
    """Returns whether all are gone within `seconds` altogether."""
    deadline = time.monotonic() + seconds
    for process in processes:
        descriptor = descriptor_of(process)
        if descriptor is None:
            continue
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(max(0, deadline - time.monotonic()) * 1000):
                return False
        finally:
            os.close(descriptor)
        try:
            os.waitpid(process["pid"], os.WNOHANG)
        except ChildProcessError:
            pass  # another process started it
    return True


def end(process, gently, seconds):
    """Ends it with the signal `gently`, and by force with everything below it when that took too long."""
    if not is_alive(process):
        return
    tree = [process, *descendants(process)]
    for each in tree:
        send(each, signal.SIGCONT)
    send(process, gently)
    if not wait_for_end([process], seconds):
        tree = send_all(process, signal.SIGKILL)
    if wait_for_end(tree, 3):
        return
    for each in tree:
        send(each, signal.SIGKILL)
    if not wait_for_end(tree, 10):
        raise RigError(f"process {process['pid']} does not end, not even by SIGKILL.")


def spawn(command, folder, log, environment, user):
    """Starts a server in a session of its own. Returns its record."""
    with open(log, "ab") as output:
        child = subprocess.Popen(
            [str(part) for part in command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=output, start_new_session=True, umask=0o077, **user.drop)
    child.returncode = 0  # it outlives us: nobody here waits for it
    return identify(child.pid)


def await_ready(name, process, log, seconds, is_ready):
    """Asks `is_ready` until it says so. Ends early, with the end of its log, when the process does."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        if wait_for_end([process], PAUSE_SECONDS):
            raise RigError(f"{name} ended at its start. Its log ({log}) ends:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise RigError(f"{name} is not ready after {seconds} s. Its log ({log}) ends:\n{tail(log)}")


def tail(log, lines=12):
    try:
        text = pathlib.Path(log).read_text(errors="replace")
    except FileNotFoundError:
        return "  (none)"
    return "\n".join("  " + line for line in text.splitlines()[-lines:]) or "  (empty)"


def run(command, user, environment, what, folder, data=None, seconds=120):
    """Runs a tool to its end. Returns its output; what it said is in the error when it failed."""
    done = subprocess.run(
        [str(part) for part in command], env=environment, input=data, capture_output=True, text=True, timeout=seconds,
        cwd=folder, umask=0o077, **user.drop)
    if done.returncode != 0:
        raise RigError(f"{what} failed ({done.returncode}): {(done.stderr or done.stdout).strip()}")
    return done.stdout
