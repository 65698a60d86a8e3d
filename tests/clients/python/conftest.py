"""Fixtures: a daemon per test, one that is started with its defaults, and an end to every hang."""

import signal

import pytest

from daemon import Daemon

TEST_SECONDS = 60


@pytest.fixture(autouse=True)
def deadline():
    """Ends a test that hangs outside the waits of the client, where it hangs."""

    def late(_number, _frame):
        raise AssertionError(f"the test took over {TEST_SECONDS} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(TEST_SECONDS)
    yield
    signal.alarm(0)


@pytest.fixture
def fresh():
    """A place for a daemon that the test starts itself."""
    daemon = Daemon()
    yield daemon
    daemon.clean_up()


@pytest.fixture
def daemon(fresh):
    """A running daemon with default settings."""
    return fresh.start()


@pytest.fixture
def client(daemon):
    """An authenticated connection to it."""
    return daemon.connect()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what the daemon printed."""
    outcome = yield
    report = outcome.get_result()
    fresh = item.funcargs.get("fresh") if hasattr(item, "funcargs") else None
    if report.failed and fresh is not None:
        report.sections.append(("daemon log", fresh.log_text()[-4000:]))
