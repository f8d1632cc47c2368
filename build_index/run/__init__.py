"""Running a build: options, plan, state of an unfinished one, progress."""
