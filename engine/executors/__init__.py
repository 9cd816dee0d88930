"""Whoever carries out requests: today child processes on this machine. Torch-free."""
