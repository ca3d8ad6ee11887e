"""The operator page: which devices there are, what they run, how well, and a button to push a model.

`create_app(registry, secret_key)` makes the Flask app, `serve(app, host, port)` serves it until its `close()`.
"""

from factory.web.app import create_app
from factory.web.serving import Served, serve

__all__ = ["Served", "create_app", "serve"]
