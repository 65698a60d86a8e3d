//! What every process is made of: tracked tasks, shutdown phases, signals, configuration, logging.
