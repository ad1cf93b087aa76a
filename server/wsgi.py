"""The WSGI application: granian, or gunicorn, loads `server.wsgi:app`."""

import gc

from server.app import create_app
from server.config import load
from server.process import start_process

settings = load()
start_process(settings)
app = create_app(settings)
# A full collection that walks what start-up made would be the slowest answer of the day.
gc.collect()
gc.freeze()
