//! For tests: a ptyd or a server of one's own on a free port, ended with the test.
