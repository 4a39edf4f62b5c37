"""``python -m sms_tools`` is ``sms-tools``."""

import sys

from sms_tools.cli import main

sys.exit(main())
