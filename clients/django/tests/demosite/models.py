from django.conf import settings
from django.db import models


class Phone(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    number = models.CharField(max_length=32)
    verified = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.number
