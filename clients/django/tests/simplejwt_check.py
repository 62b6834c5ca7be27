"""Print the name of the user whom SimpleJWT finds by the token on standard input, or the error."""

import sys

import django

django.setup()

from rest_framework.test import APIRequestFactory  # noqa: E402
from rest_framework_simplejwt.authentication import JWTAuthentication  # noqa: E402
from rest_framework_simplejwt.exceptions import AuthenticationFailed  # noqa: E402

request = APIRequestFactory().get("/", headers={"Authorization": f"Bearer {sys.stdin.read()}"})
try:
    found = JWTAuthentication().authenticate(request)
    print(found[0].get_username() if found else "nobody")
except AuthenticationFailed as error:
    print(type(error).__name__)
