"""Reads pairs and turns them into numbers and verdicts."""
