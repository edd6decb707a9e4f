"""The ways a finished message leaves: SMTP, a maildir, sendmail."""
