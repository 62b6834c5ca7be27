from __future__ import annotations

from django.contrib.auth import get_user_model
from django.test import TestCase

from latchkey_django.test import LatchkeyTestMixin


class ProfileTest(LatchkeyTestMixin, TestCase):
    def test_profile(self) -> None:
        user = get_user_model().objects.create_user("ada", "ada@example.com")
        self.client.sign_in(user)
        self.assertEqual(self.client.get("/api/profile").json()["id"], str(user.pk))  # noqa: PT009
