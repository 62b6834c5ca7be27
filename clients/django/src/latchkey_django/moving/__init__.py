"""Moving users between django-allauth and Latchkey. docs/moving-in-format.md of Latchkey has the format."""
