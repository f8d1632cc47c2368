"""How a build is run: options, plan, what an unfinished one remembers, progress."""
