"""Every layer of the sandbox holds, as root and as an ordinary user; what crosses its wall is checked; thousands of forks leave nothing behind."""

from __future__ import annotations

import ctypes
import gc
import json
import math
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import pool, sandbox
from autograder.attempt import Attempt, Breach, calls_of
from autograder.inside import seccomp, wire
from autograder.limits import Limits
from autograder.sandbox import NUMPY, PYTORCH, Zygote, bubblewrap, private_folder
from convnets.check.questions import ExerciseQuestions, PropertyQuestions, Question
from convnets.check.values import Case, Outcome

pytestmark = pytest.mark.skipif(bubblewrap() is None, reason="no bubblewrap on this machine")

ROOT = Path(__file__).resolve().parents[1]
FORKS = int(os.environ.get("CONVNETS_FORKS", "300"))
SMALL = Limits(memory_mb=128, processes=6, disk_mb=4, files=32, output_mb=1, cell_seconds=5, total_seconds=60)
SECRETS = {"CONVNETS_SECRET": "canary-in-the-environment-5150", "CANARY": "canary-of-another-kind-2112"}


def facts(zygote: Zygote, code: str, limits: Limits = SMALL):
    """What a cell leaves in `found`, through the only way out: an error's text."""
    attempt = Attempt(zygote, limits, time.monotonic() + limits.total_seconds, {"beside.txt": b"handed in"}, {})
    try:
        error = attempt.run(f"{code}\nimport json\nraise LookupError(json.dumps(found))")
    finally:
        attempt.finish()
    assert error.startswith("LookupError: "), error
    return json.loads(error.removeprefix("LookupError: "))


@pytest.fixture(scope="module", params=["as root", "as an ordinary user"])
def numpy_zygote(request):
    """A zygote of the NumPy kind. An ordinary user's is started by a child process in a user namespace of its own, without a capability."""
    if request.param == "as root" and os.geteuid() != 0:
        pytest.skip("the tests are not run as root")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        if request.param == "as root" or os.geteuid() != 0:
            zygote = Zygote(NUMPY, ("numpy", "convnets.check"))
        else:
            zygote = as_ordinary_user(patch)
        yield zygote
        zygote.close()


def as_ordinary_user(patch) -> Zygote:
    """A zygote whose bubblewrap was started by user 1000, who has no capability: what an instructor without root's rights gets."""
    started = subprocess.Popen

    def start(line, preexec_fn=None, **options):
        became, go = os.pipe(), os.pipe()

        def become():
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.unshare(0x10000000) != 0:
                os._exit(99)
            os.write(became[1], b"x")
            os.read(go[0], 1)
            header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
            libc.capset(header, nothing)

        # subprocess waits until the child has called exec, so the maps are written by a helper that is forked first
        helper = os.fork()
        if helper == 0:
            os.read(became[0], 1)
            child = next(int(p.name) for p in Path("/proc").glob("[0-9]*") if p.name.isdigit() and parent_of(int(p.name)) == os.getppid() and int(p.name) != os.getpid() and in_other_users(int(p.name)))
            Path(f"/proc/{child}/gid_map").write_text("1000 0 1")
            Path(f"/proc/{child}/uid_map").write_text("1000 0 1")
            os.write(go[1], b"x")
            os._exit(0)
        process = started(line, preexec_fn=become, **options)
        os.waitpid(helper, 0)
        for end in (*became, *go):
            os.close(end)
        return process

    with pytest.MonkeyPatch.context() as inner:
        inner.setattr(sandbox.os, "geteuid", lambda: 1000)
        inner.setattr(sandbox.subprocess, "Popen", start)
        return Zygote(NUMPY, ("numpy", "convnets.check"))


def parent_of(pid: int) -> int:
    try:
        return int(re.search(r"^PPid:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1])
    except OSError:
        return -1


def in_other_users(pid: int) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/ns/user") != os.readlink("/proc/self/ns/user")
    except OSError:
        return False


def descendants(pid: int) -> list[int]:
    children = [int(p.name) for p in Path("/proc").glob("[0-9]*") if parent_of(int(p.name)) == pid]
    return [pid, *(found for child in children for found in descendants(child))]


def test_only_the_interpreter_and_the_libraries_are_to_be_seen(numpy_zygote):
    found = facts(
        numpy_zygote,
        "import os\n"
        f"found = {{place: sorted(os.listdir(place)) for place in ('/', '{private_folder()}', '/proc', '/dev', '/dev/shm', '/sandbox', '/sandbox/autograder', '.')}}\n"
        "found['cwd'] = os.getcwd()",
    )
    assert {"etc", "home", "root", "var", "sys", "bin", "sbin", "boot", "mnt", "media", "srv", "run"} & set(found["/"]) <= made_by_paths()
    assert found["/proc"] == [] and found["/dev/shm"] == [] and found[private_folder()] == ["home"]
    assert found["."] == ["beside.txt"] and found["cwd"] == f"{private_folder()}/home/work"
    assert set(found["/sandbox"]) == {"autograder", "convnets"} and found["/sandbox/autograder"] == ["__init__.py", "inside"]


def made_by_paths() -> set[str]:
    """Top folders that exist because an interpreter or a package lies below them."""
    return {Path(p).parts[1] for p in (sys.prefix, sys.base_prefix, os.path.realpath(sys.executable), *sys.path) if len(Path(p).parts) > 1}


def test_nothing_else_can_be_written(numpy_zygote):
    found = facts(
        numpy_zygote,
        "import os\nfound = []\n"
        "for folder, folders, files in os.walk('/'):\n"
        f"    if folder.startswith(('{private_folder()}', '/dev/shm')): continue\n"
        "    try: open(os.path.join(folder, 'written'), 'w').close(); found.append(folder)\n"
        "    except OSError: pass\n",
        Limits(cell_seconds=20),
    )
    assert found == []


def test_privileges_and_limits(numpy_zygote):
    found = facts(
        numpy_zygote,
        "import ctypes, os, resource\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "data = (ctypes.c_uint32 * 6)()\n"
        "libc.capget((ctypes.c_uint32 * 2)(0x20080522, 0), data)\n"
        "found = {'uid': os.getresuid(), 'gid': os.getresgid(), 'caps': list(data), 'privileges': libc.prctl(39, 0, 0, 0, 0), 'seccomp': libc.prctl(21, 0, 0, 0, 0)}\n"
        "found |= {name: resource.getrlimit(getattr(resource, 'RLIMIT_' + name)) for name in ('CORE', 'CPU', 'FSIZE', 'NOFILE', 'MEMLOCK', 'NPROC', 'AS')}\n"
        "found['bounding'] = sum(libc.prctl(23, n, 0, 0, 0) == 1 for n in range(41))\n"
        "found['environment'] = sorted(os.environ)\n"
        "found['session'] = os.getsid(0) == os.getpid()",
    )
    assert set(found["uid"]) == set(found["gid"]) and 0 not in found["uid"]
    assert found["caps"] == [0] * 6 and found["bounding"] == 0 and found["privileges"] == 1 and found["seccomp"] == 2
    assert found["CORE"] == [0, 0] and found["MEMLOCK"] == [0, 0] and found["NOFILE"] == [256, 256]
    assert found["FSIZE"] == [4 << 20] * 2 and found["NPROC"] == [28, 28] and found["CPU"] == [65, 65]
    assert 128 << 20 < found["AS"][0] == found["AS"][1] < 4 << 30
    assert not set(SECRETS) & set(found["environment"]) and len(found["environment"]) < 25
    assert found["session"]


def test_every_call_that_is_refused_is_refused(numpy_zygote):
    column = ["x86_64", "aarch64"].index(os.uname().machine)
    refused = {name: numbers[column] for name, numbers in seccomp.REFUSED.items()}
    found = facts(
        numpy_zygote,
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nfound = {}\n"
        f"for name, number in {refused}.items():\n"
        "    result = libc.syscall(number, -1, 0, 0, 0, 0, 0)\n"
        "    found[name] = [result, ctypes.get_errno()]",
    )
    assert found == {name: [-1, 1] for name in refused}


@pytest.mark.parametrize("name", sorted(seccomp.KILLED))
def test_every_call_that_kills_kills(numpy_zygote, name):
    number = seccomp.KILLED[name][["x86_64", "aarch64"].index(os.uname().machine)]
    attempt = Attempt(numpy_zygote, SMALL, time.monotonic() + 60, {}, {})
    try:
        with pytest.raises(Breach) as caught:
            attempt.run(f"import ctypes\nctypes.CDLL(None).syscall({number}, -1, 0, 0, 0, 0, 0)")
    finally:
        attempt.finish()
    assert caught.value.kind == "forbidden action"


def test_old_system_calls_kill(numpy_zygote):
    if os.uname().machine != "x86_64":
        pytest.skip("x32 calls exist on x86_64 only")
    attempt = Attempt(numpy_zygote, SMALL, time.monotonic() + 60, {}, {})
    try:
        with pytest.raises(Breach, match="forbidden action"):
            attempt.run("import ctypes\nctypes.CDLL(None).syscall(0x40000000 + 39)")
    finally:
        attempt.finish()


def test_honest_tools_work(numpy_zygote):
    found = facts(
        numpy_zygote,
        "import ctypes, io, os, tempfile, threading\nimport matplotlib.pyplot as plt\nimport numpy as np\nfrom PIL import Image\n"
        "callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: n + 1)\n"
        "with tempfile.TemporaryFile() as file:\n    np.save(file, np.arange(5)); file.seek(0); found = {'saved': np.load(file).tolist()}\n"
        "plt.plot([1, 2]); plt.savefig('plot.png')\n"
        "Image.fromarray(np.zeros((4, 4), np.uint8)).save('picture.png')\n"
        "worker = threading.Thread(target=found.update, args=({'thread': 1},)); worker.start(); worker.join()\n"
        "found |= {'callback': callback(41), 'files': sorted(os.listdir('.')), 'solve': np.linalg.solve(np.eye(2), [1.0, 2.0]).tolist()}",
        Limits(cell_seconds=30),
    )
    assert found == {"saved": [0, 1, 2, 3, 4], "thread": 1, "callback": 42, "files": ["beside.txt", "picture.png", "plot.png"], "solve": [1.0, 2.0]}


def test_submissions_do_not_meet(numpy_zygote):
    """Two at the same time: files, processes and addresses of one are not to be seen by the other."""
    first = Attempt(numpy_zygote, SMALL, time.monotonic() + 60, {}, {})
    second = Attempt(numpy_zygote, SMALL, time.monotonic() + 60, {}, {})
    try:
        assert first.run(f"open('{private_folder()}/note', 'w').write('x'); open('/dev/shm/note', 'w').write('x')") == ""
        said = second.run(f"import os, signal\nraise LookupError([os.path.exists('{private_folder()}/note'), os.listdir('/dev/shm'), os.getpid()])")
        assert said == "LookupError: [False, [], 2]"
        assert "ProcessLookupError" in second.run("for pid in range(3, 5000): os.kill(pid, 0)")
        assert "ProcessLookupError" in second.run("os.kill(-1, signal.SIGKILL)")
        with pytest.raises(Breach):
            second.run("os.kill(os.getpid(), signal.SIGKILL)")
        assert first.run("x = 1") == ""
    finally:
        first.finish()
        second.finish()


def question(values: np.ndarray) -> ExerciseQuestions:
    asked = Question(Case((np.arange(3.0),)), Outcome(leaves={"": values}), {}, 3)
    return ExerciseQuestions("answer", "", (), 2.0, {}, [PropertyQuestions("values", 1.0, {"unmodified": False}, None, [asked])])


def test_no_secret_is_in_the_memory_of_the_sandbox(numpy_zygote):
    """While a question is being answered: neither the environment's secrets nor expected values are in any process behind the wall."""
    expected = np.random.default_rng(20260101).standard_normal(64)
    asked = question(expected)
    attempt = Attempt(numpy_zygote, SMALL, time.monotonic() + 60, {}, {})
    try:
        assert attempt.run("import time\nmarker = 'a word that ' + 'is there'\ndef answer(x):\n    return x") == ""
        attempt.ask(calls_of(asked), 2.0, False, [])
        needles = {name: value.encode() for name, value in SECRETS.items()} | {"expected": expected.tobytes(), "course": str(ROOT / "source").encode(), "control": b"a word that is there"}
        found, processes = set(), descendants(numpy_zygote.process.pid)
        assert len(processes) >= 3
        for pid in processes:
            found |= search(pid, needles)
        assert found == {"control"}
    finally:
        attempt.finish()


def search(pid: int, needles: dict[str, bytes]) -> set[str]:
    """Names of the needles in the writable memory of a process."""
    found = set()
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                span, rights, *_ = line.split()
                first, last = (int(end, 16) for end in span.split("-"))
                if "rw" not in rights or last - first > 1 << 30:
                    continue
                try:
                    memory.seek(first)
                    content = memory.read(last - first)
                except OSError:
                    continue
                found |= {name for name, needle in needles.items() if needle in content}
    except PermissionError:
        pytest.skip("this user may not read the memory of processes")
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def test_a_search_of_its_own_memory_finds_no_canary(numpy_zygote):
    """Student code reads all memory that it can reach, through `write`, which says where an address is bad instead of crashing."""
    found = facts(
        numpy_zygote,
        "import ctypes, gc, os, sys\nlibc = ctypes.CDLL(None)\nout, into = os.pipe()\nos.set_blocking(out, False)\nfound = []\nseen = bytearray()\n"
        f"backwards = {[word[::-1] for word in (*SECRETS.values(), 'the-control-word')]}\n"
        "control = ''.join(['the-control', '-word'])\n"
        "pages = sorted({id(thing) >> 16 for thing in gc.get_objects()} | {id(control) >> 16, id(sys) >> 16})\n"
        "pages = sorted({page + step for page in pages for step in range(-4, 5)})\n"
        "for page in pages:\n"
        "    for part in range(16):\n"
        "        if libc.write(into, ctypes.c_void_p((page << 16) + (part << 12)), ctypes.c_size_t(4096)) == 4096:\n"
        "            seen += os.read(out, 4096)\n"
        "found = {'size': len(seen), 'found': [word for word in backwards if word.encode() in seen[::-1]]}",
        Limits(cell_seconds=20),
    )
    assert found["size"] > 5_000_000 and found["found"] == ["drow-lortnoc-eht"]


SEARCH = r"""
import os, re
found = []
words = re.compile(r'-packages/(torch|torchvision|scipy|numba|jax|tensorflow|cv2|skimage|pip|efficientnet\w*)[/.-]|libtorch|mkldnn|dnnl', re.I)
signs = re.compile(rb'conv2d|convolution_forward|dnnl_|mkldnn|vsl[sd]Conv|vsl[sd]Corr|cudnn')
for folder, folders, files in os.walk('/'):
    for name in [] if found else files:
        path = os.path.join(folder, name)
        library = name.endswith(('.so', '.a')) or '.so.' in name
        if words.search(path) or (library and signs.search(open(path, 'rb').read())):
            found.append(path)
"""


def test_the_numpy_kind_holds_no_other_library_and_no_compiled_convolution(numpy_zygote):
    assert facts(numpy_zygote, SEARCH, Limits(cell_seconds=60)) == []


def test_the_pytorch_kind_works_and_reaches_no_network():
    zygote = Zygote(PYTORCH, ("torch", "convnets.check.torch_probes"))
    try:
        found = facts(
            zygote,
            "import socket, torch\nfound = {'sum': float(torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)).sum()), 'threads': torch.get_num_threads()}\n"
            "try: socket.create_connection(('127.0.0.1', 1))\nexcept PermissionError: found['network'] = 'refused'",
            Limits(),
        )
        assert found == {"sum": 16.0, "threads": 1, "network": "refused"}
        assert facts(zygote, SEARCH, Limits(cell_seconds=60)) != []
    finally:
        zygote.close()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def memory_of(pid: int) -> int:
    """Bytes of memory that no file backs."""
    return int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def test_thousands_of_forks_leave_nothing_behind():
    """`CONVNETS_FORKS=5000` makes it 5,000."""
    zygote = Zygote(NUMPY, ("numpy", "convnets.check"))
    try:
        inner = next(pid for pid in descendants(zygote.process.pid) if "zygote.py" in Path(f"/proc/{pid}/cmdline").read_text() and pid != zygote.process.pid and "bwrap" not in os.readlink(f"/proc/{pid}/exe"))
        before, began, alone = None, time.monotonic(), len(descendants(zygote.process.pid))
        for number in range(FORKS):
            attempt = Attempt(zygote, SMALL, time.monotonic() + 60, {}, {})
            assert attempt.run("x = 1") == ""
            attempt.finish()
            if number == 49:
                gc.collect()
                before = open_files(), memory_of(os.getpid()), memory_of(inner), len(os.listdir(f"/proc/{inner}/fd"))
        seconds = time.monotonic() - began
        print(f"{FORKS} submissions in {seconds:.1f} s, {1000 * seconds / FORKS:.1f} ms each")
        gc.collect()
        deadline = time.monotonic() + 5
        while len(family := [pid for pid in descendants(zygote.process.pid) if is_alive(pid)]) > alone and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(family) == alone
        after = open_files(), memory_of(os.getpid()), memory_of(inner), len(os.listdir(f"/proc/{inner}/fd"))
        assert (after[0], after[3]) == (before[0], before[3])
        assert after[1] - before[1] < 20 << 20 and after[2] - before[2] < 4 << 20
    finally:
        zygote.close()
    assert zygote.process.returncode is not None


def test_a_worn_or_dead_zygote_is_replaced(monkeypatch):
    class Job:
        kind, modules, shared, gpu = NUMPY, ("numpy",), {}, False

    monkeypatch.setattr(sandbox, "FORKS", 2)
    seen = []
    try:
        for number in range(6):
            with pool.zygote_for(Job) as zygote:
                seen.append(zygote)
                Attempt(zygote, SMALL, time.monotonic() + 60, {}, {}).finish()
            if number == 4:
                zygote.process.kill()
                zygote.process.wait()
        first, second, third, fourth = (seen[i] for i in (0, 2, 4, 5))
        assert seen == [first, first, second, second, third, fourth]
        assert len({id(zygote) for zygote in seen}) == 4 and all(zygote.process.poll() is not None for zygote in (first, second, third))
        with pytest.raises(RuntimeError), pool.zygote_for(Job) as zygote:
            raise RuntimeError
        assert zygote.process.poll() is not None
    finally:
        for zygote in seen:
            zygote.close()


def test_the_judge_gone_takes_everything_with_it():
    """When the process that started a zygote is killed, nothing of it stays, endless loops included."""
    program = (
        "import sys, time\nfrom autograder.sandbox import NUMPY, Zygote\nfrom autograder.attempt import Attempt\nfrom autograder.limits import Limits\n"
        "zygote = Zygote(NUMPY, ('numpy',))\nattempt = Attempt(zygote, Limits(), time.monotonic() + 60, {}, {})\n"
        "attempt.send({'cell': 'while True: pass', 'seconds': 60})\nprint('ready', flush=True)\ntime.sleep(60)\n"
    )
    judge = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert judge.stdout.readline() == "ready\n"
        family = descendants(judge.pid)
        assert len(family) >= 4
    finally:
        judge.kill()
        judge.wait()
        judge.stdout.close()
    deadline = time.monotonic() + 10
    while (alive := [pid for pid in family if is_alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert alive == []


def is_alive(pid: int) -> bool:
    try:
        return not re.search(r"^State:\s+[ZX]", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return False


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4), max_leaves=12)
KIND = st.sampled_from(sorted(wire.KINDS)) | st.text(max_size=4)
SHAPE = st.lists(st.integers(-3, 1 << 42) | st.integers(0, 4) | st.floats() | st.none(), max_size=18)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | JSON.map(lambda v: json.dumps(v).encode()), st.integers(0, 1 << 64))
def test_any_header_is_taken_or_malformed(text, size):
    taken_or_malformed(text, size)


@settings(max_examples=500, deadline=None)
@given(JSON, st.lists(st.tuples(KIND, SHAPE) | JSON, max_size=6), st.integers(0, 4096) | st.none())
def test_any_list_of_arrays_is_taken_or_malformed(message, listed, size):
    shapes = [entry[1] for entry in listed if isinstance(entry, tuple) and entry[0] in wire.KINDS and all(type(n) is int and n >= 0 for n in entry[1])]
    kinds = [entry[0] for entry in listed if isinstance(entry, tuple) and entry[0] in wire.KINDS and all(type(n) is int and n >= 0 for n in entry[1])]
    right = sum(math.prod(shape) * wire.SIZES[kind] for kind, shape in zip(kinds, shapes, strict=True))
    taken_or_malformed(json.dumps({"message": message, "arrays": [list(e) if isinstance(e, tuple) else e for e in listed]}).encode(), right if size is None else size)


def taken_or_malformed(text: bytes, size: int) -> None:
    try:
        message, kinds = wire.parse_header(text, size)
    except wire.Malformed:
        return
    assert isinstance(message, dict) and sum(count for *_, count in kinds) == size
    for kind, shape, count in kinds:
        assert kind in wire.KINDS and all(n >= 0 for n in shape)
        if count < 1 << 20:
            assert np.frombuffer(bytes(count), kind).reshape(shape).shape == shape


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 3))
def test_any_bytes_on_the_wire_end_in_words(content, cut):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(content)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises((wire.Malformed, wire.Closed)):
            receiver = wire.Receiver(ours, longest=300)
            while True:
                receiver.frame(limit=1000)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(wire.KINDS)), st.lists(st.integers(0, 4), max_size=3)), max_size=4), st.lists(st.integers(1, 64), max_size=8))
def test_what_is_sent_arrives_however_it_is_cut(listed, cuts):
    arrays = [np.arange(int(np.prod(shape))).reshape(shape).astype(kind) for kind, shape in listed]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire.send(theirs, {"hello": [1, "x"]}, arrays)
        theirs.shutdown(socket.SHUT_WR)
        whole = b"".join(iter(lambda: ours.recv(1 << 16), b""))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for cut in cuts:
            theirs.sendall(whole[:cut])
            whole = whole[cut:]
        theirs.sendall(whole)
        message, got = wire.Receiver(ours).frame()
    assert message == {"hello": [1, "x"]} and len(got) == len(arrays)
    assert all(a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(arrays, got, strict=True))
