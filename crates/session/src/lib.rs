//! One terminal session: backend, guard, recorder, screen and viewers in one task.
