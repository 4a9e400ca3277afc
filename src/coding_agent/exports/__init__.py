"""Rows to train on, made of nothing but logs."""
