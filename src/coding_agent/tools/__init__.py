"""Tools: the contract (`base`), one file per tool, and `dispatch`, which validates a call and finds its tool."""
