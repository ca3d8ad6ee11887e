"""One command a file: `run(options, console)` carries out the parsed command line and returns the exit status."""
