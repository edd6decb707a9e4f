"""Whether this machine and its neighbours are fit for the job: what `doctor` tells."""

from watcher.diagnosis.finding import Finding, Level
from watcher.diagnosis.machine import examine_machine
from watcher.diagnosis.received import examine_received, message_id_of
from watcher.diagnosis.remote import examine_mail, examine_site
from watcher.diagnosis.sender import examine_sender
from watcher.diagnosis.signing import examine_signing
from watcher.diagnosis.stored import examine_database, examine_service

__all__ = [
    "Finding",
    "Level",
    "examine_database",
    "examine_machine",
    "examine_mail",
    "examine_received",
    "examine_sender",
    "examine_service",
    "examine_signing",
    "examine_site",
    "message_id_of",
]
