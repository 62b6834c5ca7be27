"""A site with django-allauth's headless app, Django REST framework and Latchkey. The environment chooses the
kind of the user model (SITE_IDS: int, bigint, uuid) and the database."""

from __future__ import annotations

import os
from typing import Any

from .database import database
from .old_key import old_key

IDS = os.environ.get("SITE_IDS", "int")
DATABASES = {
    "default": database(
        os.environ.get("LATCHKEY_TEST_DATABASE_URL", ""),
        os.environ.get("SITE_DATABASE", f"django_{IDS}_{os.getpid()}"),
    )
}

SECRET_KEY = "the tests' own key, which signs sessions of throw-away users"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = os.environ.get("SITE_USE_TZ", "true") == "true"
ROOT_URLCONF = "demosite.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = {"int": "auth.User", "bigint": "users_bigint.User", "uuid": "users_uuid.User"}[IDS]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    *({"bigint": ["demosite.users_bigint"], "uuid": ["demosite.users_uuid"]}.get(IDS, [])),
    "rest_framework",
    "drf_spectacular",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.google",
    "allauth.socialaccount.providers.apple",
    "allauth.mfa",
    "allauth.headless",
    "allauth.usersessions",
    "latchkey_django",
    "demosite",
]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "latchkey_django.middleware.LatchkeyMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "latchkey_django.rest_framework.LatchkeyAuthentication",
        "latchkey_django.rest_framework.LatchkeySessionAuthentication",
        "allauth.headless.contrib.rest_framework.authentication.JWTTokenAuthentication",
        "allauth.headless.contrib.rest_framework.authentication.XSessionTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
    "django.contrib.auth.hashers.BCryptPasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.MD5PasswordHasher",
]
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    }
}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

ACCOUNT_ADAPTER = "demosite.adapters.AccountAdapter"
MFA_ADAPTER = "demosite.adapters.MFAAdapter"
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False
HEADLESS_ONLY = True
HEADLESS_CLIENTS = ("app",)
HEADLESS_TOKEN_STRATEGY = "allauth.headless.tokens.strategies.jwt.JWTTokenStrategy"
HEADLESS_JWT_PRIVATE_KEY = old_key()
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RATE_LIMITS = False
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "google": {"APPS": [{"client_id": "demosite.example.com", "secret": ""}]},
    "apple": {"APPS": [{"client_id": "com.example.site", "secret": "", "key": "key"}]},
}

LATCHKEY = {
    "URL": os.environ.get("SITE_LATCHKEY_URL", "http://127.0.0.1:9"),
    "USER_IDS": {"int": "int31", "bigint": "int52", "uuid": "uuid"}[IDS],
}
