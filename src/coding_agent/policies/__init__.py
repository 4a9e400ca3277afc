"""Policies: the protocol (`base`) and one file per policy. They answer; they execute nothing."""
