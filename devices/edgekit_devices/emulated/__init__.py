"""Boards without a board: real arm64 code under qemu, counted instruction by instruction."""
