"""What sites write themselves: where phone numbers are, and how secrets are encrypted."""

from __future__ import annotations

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.apps import apps


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def get_phone(self, user: Any) -> tuple[str, bool] | None:
        row = _phones().filter(user_id=user.pk).first()
        return (row.number, row.verified) if row else None

    def set_phone(self, user: Any, phone: str, verified: bool) -> None:
        _phones().update_or_create(user_id=user.pk, defaults={"number": phone, "verified": verified})

    def set_phone_verified(self, user: Any, phone: str) -> None:
        _phones().filter(user_id=user.pk).update(verified=True)

    def get_user_by_phone(self, phone: str) -> Any:
        row = _phones().filter(number=phone).select_related("user").first()
        return row.user if row else None

    def send_verification_code_sms(self, user: Any, phone: str, code: str, **kwargs: Any) -> None:
        pass

    def send_unknown_account_sms(self, phone: str, **kwargs: Any) -> None:
        pass

    def send_account_already_exists_sms(self, phone: str) -> None:
        pass


def _phones() -> Any:
    return apps.get_model("demosite", "Phone").objects


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets in the database are not in clear."""

    def encrypt(self, text: str) -> str:
        return "sealed:" + base64.b64encode(text.encode()[::-1]).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return base64.b64decode(encrypted_text.removeprefix("sealed:"))[::-1].decode()
