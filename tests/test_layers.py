"""Which walls hold: measured in a real sandbox, told by `convnets doctor`; and cgroup v2 on a tree of files that stands for one."""

import os
import sys
from pathlib import Path

import pytest

from autograder import cgroup, layers, sandbox
from autograder.limits import Limits
from convnets import doctor

linux = pytest.mark.skipif(sys.platform != "linux" or sandbox.bubblewrap() is None, reason="needs Linux and bubblewrap")


@pytest.fixture(scope="module")
def measured():
    return {layer.name: layer for layer in layers.measure()}


@linux
def test_every_wall_holds_and_says_what_was_found(measured):
    assert [layer for layer in measured.values() if not layer.holds and layer.name != layers.EXTRA] == []
    assert {"bubblewrap", "namespaces", "seccomp", "rlimits", "private tmpfs", "network", "watchdog: memory limit", "cgroup v2"} <= measured.keys()
    assert "Operation not permitted" in measured["network"].finding
    assert "NPROC 24" in measured["rlimits"].finding
    assert "process limit after" in measured["watchdog: process limit"].finding


SEEN = {
    "filter": 2,
    "no new privileges": 1,
    "capabilities": False,
    "user": 1000,
    "socket": "Operation not permitted",
    "program": "Operation not permitted",
    "processes": [],
    "room": 8 << 20,
    "files": [],
    "writable": [],
    "variables": [],
    "limits": {"AS": 1 << 30, "CORE": 0},
    "torch": False,
}


def missing(spaces=tuple(layers.SPACES), **seen):
    return [layer.name for layer in layers.inside(SEEN | seen, list(spaces), sandbox.NUMPY) if not layer.holds]


def test_a_wall_that_does_not_hold_is_told():
    assert missing() == []
    assert missing(filter=0) == ["seccomp"]
    assert missing(capabilities=True) == missing(user=0) == missing(**{"no new privileges": 0}) == ["privileges"]
    assert missing(socket="") == ["network"]
    assert missing(spaces=("user", "mnt", "pid", "ipc", "uts")) == ["namespaces", "network"]
    assert missing(program="") == ["programs"]
    assert missing(processes=["1"]) == ["processes"]
    assert missing(room=1 << 40) == ["private tmpfs"]
    assert missing(files=["/etc/passwd"]) == missing(writable=["/"]) == ["files"]
    assert missing(variables=["CONVNETS_SECRET"]) == ["environment"]
    assert missing(limits={"AS": -1}) == ["rlimits"]
    assert missing(torch=True) == ["NumPy only"]


def test_doctor_on_other_systems(monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "darwin")
    assert doctor.grading() == [("grading", "everything works here but the sandbox, which needs Linux: grade only code that you trust, with --unsafe")]


@linux
def test_doctor_without_bubblewrap(monkeypatch):
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: None)
    ((name, finding),) = doctor.grading()
    assert name == "grading"
    assert finding.startswith("NO SANDBOX: There is no bubblewrap on this machine")


@linux
def test_doctor_names_walls_that_do_not_hold(monkeypatch):
    found = [layers.Layer("seccomp", False, "not filtered"), layers.Layer("network", True, "none"), layers.Layer(layers.EXTRA, False, "not delegated")]
    monkeypatch.setattr(layers, "measure", lambda: found)
    rows = dict(doctor.grading())
    assert rows["grading"] == "in a sandbox, but these walls do not hold: seccomp"
    assert rows["  seccomp"] == "DOES NOT HOLD: not filtered"
    assert rows["  cgroup v2"] == "not used: not delegated"


def test_a_student_has_no_autograder(monkeypatch):
    monkeypatch.setattr(doctor.importlib.metadata, "entry_points", lambda group: ())
    assert doctor.grading() == [("grading", "not installed (students do not need it)")]


# --- cgroup v2, on plain files: the kernel's own tree needs a machine that delegates one


@pytest.fixture
def tree(tmp_path):
    """(what stands for /proc/self, the group of this process) on a machine that delegates a scope to this user."""
    group = tmp_path / "sys" / "user.slice" / "grading.scope"
    group.mkdir(parents=True)
    for name, text in {"cgroup.controllers": "cpu memory pids\n", "cgroup.procs": "", "cgroup.subtree_control": ""}.items():
        (group / name).write_text(text)
    facts = tmp_path / "proc"
    facts.mkdir()
    (facts / "cgroup").write_text("1:name=systemd:/x\n0::/user.slice/grading.scope\n")
    (facts / "mountinfo").write_text(f"25 30 0:22 / /proc rw - proc proc rw\n35 25 0:30 / {tmp_path / 'sys'} rw,nosuid shared:9 - cgroup2 cgroup2 rw\n")
    return facts, group


def move(facts: Path) -> None:
    """What the kernel does when a process writes its number to a group's cgroup.procs."""
    (facts / "cgroup").write_text(f"0::/user.slice/grading.scope/{cgroup.GRADER}\n")


def test_the_grader_moves_aside_and_sandboxes_get_groups_of_their_own(tree):
    facts, group = tree
    assert cgroup.own_group(facts) == group
    assert cgroup.new_group(facts) is None
    left = group / f"{cgroup.SANDBOX}-1-dead"
    left.mkdir()
    assert cgroup.enter(facts) == group
    assert (group / cgroup.GRADER / "cgroup.procs").read_text() == str(os.getpid())
    assert (group / "cgroup.subtree_control").read_text() == "+memory +pids"
    assert not left.exists()
    move(facts)
    first, second = cgroup.new_group(facts), cgroup.new_group(facts)
    assert first.parent == second.parent == group
    assert first != second
    cgroup.confine(first, Limits(memory_mb=100, disk_mb=10, processes=4), 50 << 20)
    assert int((first / "memory.max").read_text()) == (50 + 100 + 2 * 10 + cgroup.SLACK_MB) << 20
    assert int((first / "pids.max").read_text()) == 2 * 4 + 16 + cgroup.OWN_PROCESSES
    cgroup.remove(second)
    assert not second.exists()


def test_a_group_that_is_not_ours_is_left_alone(tree, monkeypatch):
    facts, group = tree
    monkeypatch.setattr(cgroup.os, "access", lambda path, mode: False)
    with pytest.raises(cgroup.Unusable, match="not delegated to this user"):
        cgroup.enter(facts)
    assert not (group / cgroup.GRADER).exists()


def test_missing_controllers_are_named(tree):
    facts, group = tree
    (group / "cgroup.controllers").write_text("cpu pids\n")
    with pytest.raises(cgroup.Unusable, match="no controller for memory"):
        cgroup.enter(facts)


def test_other_processes_in_the_group_are_told(tree, monkeypatch):
    facts, group = tree
    written = Path.write_text

    def busy(path, text, *args, **kwargs):
        if path.name == "cgroup.subtree_control":
            raise OSError(16, "Device or resource busy")
        return written(path, text, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", busy)
    with pytest.raises(cgroup.Unusable, match="holds other processes"):
        cgroup.enter(facts)
    assert (group / "cgroup.procs").read_text() == str(os.getpid())


def test_a_machine_without_cgroup_v2(tree):
    facts, _ = tree
    (facts / "mountinfo").write_text("25 30 0:22 / /proc rw - proc proc rw\n")
    with pytest.raises(cgroup.Unusable, match="no cgroup v2 is mounted"):
        cgroup.enter(facts)
    assert cgroup.new_group(facts) is None


def test_a_group_that_is_gone_limits_nothing_and_breaks_nothing(tree):
    _, group = tree
    gone = group / "gone"
    cgroup.join(gone)
    assert cgroup.held(gone) == 0
    cgroup.confine(group, Limits(), cgroup.held(gone))
    assert not (group / "memory.max").exists()
    cgroup.remove(gone)
