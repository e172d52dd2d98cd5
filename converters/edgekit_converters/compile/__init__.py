"""Vendors' compilers, each as a child process: a finished file in, a file for an accelerator out."""
