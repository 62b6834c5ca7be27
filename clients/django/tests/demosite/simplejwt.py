"""The site with the settings of SimpleJWT that docs/verify.md has. They are read once, when the process starts."""

import json
import os
import re
from pathlib import Path

from .settings import *  # noqa: F403

_DOCUMENT = Path(__file__).parents[4] / "docs" / "verify.md"
_found = re.search(r"<!-- settings: simplejwt -->\n```python\n(.*?)```", _DOCUMENT.read_text(), re.DOTALL)
assert _found is not None
SIMPLE_JWT: dict[str, str] = {}
exec(_found[1].replace("https://auth.example.com", os.environ["SITE_LATCHKEY_URL"]))  # noqa: S102
SIMPLE_JWT.update(json.loads(os.environ.get("SITE_SIMPLE_JWT", "{}")))
