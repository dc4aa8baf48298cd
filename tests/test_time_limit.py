"""The time limit of one call, by the kernel's timer and by a thread (Windows): it stops what runs too long and leaves everything as it was."""

import contextlib
import os
import signal
import time

import pytest

from convnets.check import run

posix = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
WAYS = [pytest.param("alarm", marks=posix), "timer"]


@pytest.mark.parametrize("way", WAYS)
def test_an_endless_loop_is_stopped(way):
    began = time.perf_counter()
    with pytest.raises(run.TimeLimit), getattr(run, way)(0.1):
        while True:
            pass
    assert 0.1 <= time.perf_counter() - began < 2


@pytest.mark.parametrize("way", WAYS)
def test_a_loop_that_catches_exceptions_is_stopped_too(way):
    with pytest.raises(run.TimeLimit), getattr(run, way)(0.1):
        while True:
            with contextlib.suppress(Exception):
                time.sleep(1)


@pytest.mark.parametrize("way", WAYS)
def test_a_quick_call_passes_and_nothing_comes_later(way):
    with getattr(run, way)(0.05):
        value = 1 + 1
    time.sleep(0.1)
    assert value == 2


@pytest.mark.parametrize("way", WAYS)
def test_the_users_own_interrupt_passes(way):
    with pytest.raises(KeyboardInterrupt), getattr(run, way)(5):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)


@posix
def test_a_timer_that_runs_already_goes_on():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(time.perf_counter()))
    try:
        began = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with run.alarm(5):
            time.sleep(0.1)
        assert not rung
        while not rung and time.perf_counter() - began < 3:
            time.sleep(0.01)
        assert 0.3 <= rung[0] - began < 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
