"""How staff sign in: password, second factor, lock-out, sessions. See docs/staff.md."""
