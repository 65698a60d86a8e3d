"""Fixtures: a daemon per test, and one that is started with its defaults."""

import pytest

from daemon import Daemon


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
