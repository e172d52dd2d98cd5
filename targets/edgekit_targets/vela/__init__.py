"""Vela, Arm's compiler for the Ethos-U: a session of it in a child process, and the typed face of that session."""
