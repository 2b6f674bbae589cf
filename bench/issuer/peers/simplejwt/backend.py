"""A backend on djangorestframework-simplejwt: settings, addresses and the WSGI application.

Everything that its documentation offers against stolen refresh tokens is on: each refresh rotates the token, and the
spent one goes onto the denylist in PostgreSQL. No middleware, no session framework: nothing but what a refresh needs.

`POST /bench/session` answers what a login would have left: the first refresh token of a chain.
"""

import os
from datetime import timedelta
from urllib.parse import urlsplit

import django
from django.conf import settings

database = urlsplit(os.environ["DATABASE_URL"])

settings.configure(
    SECRET_KEY="for measurements only, and as long as HS256 wants it",
    DEBUG=False,
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "rest_framework_simplejwt",
        "rest_framework_simplejwt.token_blacklist",
    ],
    MIDDLEWARE=[],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": database.hostname,
            "PORT": database.port,
            "USER": database.username,
            "PASSWORD": database.password,
            "NAME": database.path.strip("/"),
            # Connections are kept for ever, one a thread.
            "CONN_MAX_AGE": None,
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    REST_FRAMEWORK={"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]},
    SIMPLE_JWT={
        "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
        "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
        "ROTATE_REFRESH_TOKENS": True,
        "BLACKLIST_AFTER_ROTATION": True,
    },
)
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402: only after setup()
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework_simplejwt.tokens import RefreshToken  # noqa: E402
from rest_framework_simplejwt.views import TokenRefreshView  # noqa: E402


def session(_request):
    user = get_user_model().objects.get(username="ada")
    return JsonResponse({"refresh_token": str(RefreshToken.for_user(user))})


urlpatterns = [
    path("token/refresh", TokenRefreshView.as_view()),
    path("bench/session", session),
]
application = get_wsgi_application()
