"""Django behind a Latchkey server.

Authentication of API calls is in `latchkey_django.rest_framework`, `latchkey_django.ninja` and
`latchkey_django.middleware`; helpers for tests are in `latchkey_django.test`.
"""

__version__ = "0.2.0"
