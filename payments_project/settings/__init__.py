"""Settings: ``base`` for all, then ``local`` (embedded), ``test`` or ``production``."""
