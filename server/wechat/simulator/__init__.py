"""A stand-in for WeChat's servers and for a phone, in a process of its own (docs/simulator.md).

Nothing here is shared with the WeChat client, and nothing here imports the rest of the server: a rule misread on one side must not be
repeated on the other.
"""
