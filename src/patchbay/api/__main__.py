"""``python -m patchbay.api`` prints the OpenAPI document in its committed form."""

import sys

from patchbay.api.app import create_app
from patchbay.api.openapi import text
from patchbay.settings import Settings

sys.stdout.write(text(create_app(Settings())))
