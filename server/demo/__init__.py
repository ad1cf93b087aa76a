"""The played community and the phone on the command line: public HTTP, the simulator's device API and the clock port, nothing else."""
