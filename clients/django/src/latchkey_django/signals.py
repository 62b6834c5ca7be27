"""Signals of this package."""

from django.dispatch import Signal

latchkey_user_created = Signal()
"""Sent after a local user was created at first sight, with `user`, `claims` and `data`: the `user` object of
`GET auth/session`. The sender is the user model."""
