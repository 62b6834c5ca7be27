from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A model of its own: DEFAULT_AUTO_FIELD makes its key a bigint."""
