"""gunicorn as the backend is measured: two processes, connections of clients and to PostgreSQL kept.

Started with `gunicorn backend:application` in this folder. Prints one line of JSON on stdout when ready, and ends on
SIGTERM or when its stdin closes.
"""

import json
import os
import signal
import threading

bind = "127.0.0.1:0"
workers = 2
# The default worker closes the connection after each reply.
worker_class = "gthread"
threads = 4
keepalive = 60
# Else it leaves a socket in the home directory.
control_socket_disable = True


def on_starting(_server):
    """Brings the database up to date, and leaves no connection behind for the workers to inherit."""
    import backend
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    backend.get_user_model().objects.get_or_create(username="ada")
    connections.close_all()


def when_ready(server):
    def end_with_stdin():
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end_with_stdin, daemon=True).start()
    print(json.dumps({"port": server.LISTENERS[0].sock.getsockname()[1]}), flush=True)
