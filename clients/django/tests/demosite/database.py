"""The database of the tests' sites: PostgreSQL where LATCHKEY_TEST_DATABASE_URL names one, otherwise SQLite."""

from __future__ import annotations

from typing import Any


def database(url: str, name: str) -> dict[str, Any]:
    if not url:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": name}

    from psycopg.conninfo import conninfo_to_dict

    found = conninfo_to_dict(url)
    found.pop("dbname", None)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": found.pop("user", ""),
        "PASSWORD": found.pop("password", ""),
        "HOST": found.pop("host", ""),
        "PORT": found.pop("port", ""),
        "OPTIONS": found,
        "TEST": {"NAME": f"{name}_test"},
    }
